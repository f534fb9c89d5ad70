import CommandLineOptions
import IngestCore

/// The reference part of `docs/ingestctl.md`, from the declarations that the program parses with.
enum CommandReference {
    static var markdown: String { Commands.all.map { section($0.declaration) }.joined(separator: "\n") }

    private static func section(_ declaration: CommandDeclaration) -> String {
        let operands = declaration.operands.isEmpty ? "" : " \(declaration.operands)"
        var text = """
            ### `ingestctl \(declaration.name)`

            \(sentence(declaration.summary))

            ```
            ingestctl \(declaration.name) [options]\(operands)
            ingestctl \(declaration.example)
            ```

            """
        if !declaration.finding.isEmpty { text += "\nExit code 1: \(declaration.finding).\n" }
        let own = declaration.settings.filter { setting in !Settings.common.contains { $0.flag == setting.flag } }
        if !own.isEmpty {
            text += "\n| option | default | meaning |\n| --- | --- | --- |\n"
            for setting in own {
                let value = setting.placeholder.map { " <\($0)>" } ?? ""
                let fallback = setting.placeholder == nil ? "" : setting.defaultText
                let cells = ["`\(setting.flag)\(value)`", fallback.isEmpty ? "" : "`\(fallback)`", setting.help]
                text += "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |\n"
            }
        }
        if !declaration.json.isEmpty {
            text += "\n| `--json` prints | with |\n| --- | --- |\n"
            for (type, fields) in declaration.json.sorted(by: { $0.key < $1.key }) {
                text += "| `\(type)` | \(fields.split(separator: " ").map { "`\($0)`" }.joined(separator: ", ")) |\n"
            }
        }
        return text
    }

    private static func sentence(_ summary: String) -> String {
        (summary.first.map { String($0).uppercased() } ?? "") + summary.dropFirst() + "."
    }
}
