import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl show`.
struct ShowCommand: Command {
    static let declaration = CommandDeclaration(
        name: "show",
        summary:
            "say everything of one document: object, rule, versions, chunks, cost, and why it is searchable or not",
        operands: "s3://BUCKET/KEY",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration, chunks.declaration, Settings.price.declaration],
        example: "show s3://my-documents/report.pdf --chunks",
        finding: "the object's version is not searchable",
        json: [
            "document":
                "bucket key index searchable verdict object? tenant? live? paidTokens? pending? rejected pages? chunks? tokens? dollars? worker? differences",
            "chunk": "index pageStart? pageEnd? charStart? charEnd? tokens headings text",
        ]
    )

    private static let chunks = Setting.toggle("CHUNKS", "list its chunks: number, pages, tokens, headings, text")
        .asFlagOnly
    private let address: ObjectAddress?
    private let showsChunks: Bool
    private let prices: EmbeddingPrices

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        address = ObjectAddress(operands.first ?? "")
        if address?.writtenKey.isEmpty ?? true {
            reader.usage("not a valid s3://bucket/key: \"\((operands.first ?? "").printable)\"")
        }
        showsChunks = reader.read(Self.chunks)
        prices = EmbeddingPrices(&reader)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        guard let address else { return .finding }
        let pipeline = try await context.pipeline()
        let view = try await DocumentView.read(address.writtenObject, pipeline, context)
        let dollars = prices[pipeline.settings["EMBEDDING_MODEL"] ?? ""]
        let report = DocumentReport(view, pipeline, dollars)
        context.output.item("document", report.text) { report.write(into: &$0) }
        if showsChunks {
            for chunk in try await view.chunks(context, pipeline) {
                context.output.item("chunk", chunk.text) { chunk.write(into: &$0) }
            }
        }
        return view.verdict.isSearchable ? .success : .finding
    }
}
