import CommandLineOptions
import IngestCore
import Resilience
import TextCoding

/// `ingestctl access-filter`: the readers' role of a pipeline with access lists.
struct AccessFilterCommand: Command {
    static let declaration = CommandDeclaration(
        name: "access-filter",
        summary:
            "print a role of OpenSearch Security with which readers see only what an access list lets them (ACCESS)",
        settings: [CommandContext.pipelineSetting.declaration],
        example: "access-filter --json",
        json: ["role": "index_permissions cluster_permissions"]
    )

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {}

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        guard MetadataSettings(registered: pipeline.settings).access != .off else {
            throw Failure.fleet(
                "documents of \(pipeline.index) have no access lists: make a pipeline with ACCESS=open or ACCESS=closed"
            )
        }
        if context.output.isJSON {
            context.output.object("role") { Self.write(pipeline.names, &$0) }
        } else {
            let role = JSONWriter.object { Self.write(pipeline.names, &$0) }
            context.output.text(String(decoding: role, as: UTF8.self))
        }
        return .success
    }

    /// OpenSearch Security, "Document-level security": a list of the user's backend roles takes the place of the variable. A document without the field matches no
    /// clause, and is seen by no one.
    private static func write(_ names: IndexNames, _ json: inout JSONWriter) {
        json.field("cluster_permissions", ["cluster_composite_ops_ro", "cluster:admin/search/pipeline/get"])
        json.key("index_permissions")
        json.array { all in
            all.object {
                $0.field("index_patterns", [names.alias, names.pattern])
                $0.field("dls", "{\"terms\":{\"access\":[\"\(MetadataSettings.everyone)\",${user.roles}]}}")
                $0.field("fls", ["~vector"])
                $0.field("allowed_actions", ["read"])
            }
        }
    }
}
