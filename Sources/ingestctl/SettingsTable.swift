import CommandLineOptions
import IngestCore

/// `ingestctl settings`.
struct SettingsCommand: TableCommand {
    static let declaration = CommandDeclaration(
        name: "settings",
        summary: "print the table of all settings",
        example: "settings",
        needs: .nothing
    )

    static var markdown: String { SettingsTable.markdown }
}

/// The table of `docs/configuration.md`, from the declarations that the programs parse with.
enum SettingsTable {
    static var markdown: String {
        let sections = [
            ("Every program", Settings.common),
            ("Both workers", Settings.worker),
            ("`ingest-worker`", Settings.ingest + Settings.replaying),
            (
                "`embed-worker` (the first five `ingestctl search` as well, `EMBEDDING_PRICE` `show`, `watch` and `serve`)",
                Settings.embed
            ),
            ("`ingestctl setup`", Settings.setup),
            ("`ingestctl prune`", Settings.pruning),
            ("`ingestctl search`", [Settings.queryPrefix.declaration] + SearchOptions.declarations),
            ("Every program: information", Settings.information),
        ]
        return sections.map { title, declarations in
            let rows = declarations.map { declaration in
                let value =
                    declaration.isRequired
                    ? "required" : declaration.defaultText.isEmpty ? "" : "`\(declaration.defaultText)`"
                let variable = declaration.isReadFromEnvironment ? "`\(declaration.environment)`" : ""
                return
                    "| \(variable) | `\(declaration.flag)` | \(value) | \(declaration.help)\(declaration.isSecret ? " (secret)" : "")\(declaration.isInFingerprint ? " (fingerprint)" : "") |\n"
            }
            return
                "## \(title)\n\n| variable | flag | default | meaning |\n| --- | --- | --- | --- |\n\(rows.joined())\n"
        }.joined()
    }
}
