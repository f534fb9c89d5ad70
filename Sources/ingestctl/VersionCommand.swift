import CBuild
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl version`.
struct VersionCommand: Command {
    static let declaration = CommandDeclaration(
        name: "version",
        summary: "print version, commit, and the fingerprint of the settings in force",
        settings: Settings.common.map { declaration in
            var optional = declaration
            optional.isRequired = false
            return optional
        },
        example: "version --json",
        needs: .nothing,
        json: ["version": "version commit extractionVersion fingerprint"]
    )

    private let fingerprint: String

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        fingerprint = common.names.fingerprint.description
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let commit = String(cString: build_commit())
        let (version, extraction) = (Program.version, PipelineFingerprint.extractionVersion)
        let line =
            "ingest-fleet \(version), commit \(commit.isEmpty ? "unknown" : commit), extraction version \(extraction), fingerprint \(fingerprint)"
        context.output.item("version", line) {
            $0.field("version", version)
            $0.field("commit", commit)
            $0.field("extractionVersion", extraction)
            $0.field("fingerprint", fingerprint)
        }
        return .success
    }
}
