import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl serve`.
struct ServeCommand: Command {
    static let declaration = CommandDeclaration(
        name: "serve",
        summary: "serve a web view on this machine: search, documents by state, one document's chunks, fleet graphs",
        settings: [CommandContext.pipelineSetting.declaration, port.declaration, Settings.price.declaration]
            + Settings.embeddings + [Settings.queryPrefix.declaration],
        example: "serve --port 8090",
        json: ["serving": "address"]
    )

    private static let port = Setting.number(
        "PORT",
        "port",
        "where it listens; 0 takes any",
        default: 8090,
        in: 0...65_535
    )
    .asFlagOnly
    private let port: Int
    private let prices: EmbeddingPrices
    private let embeddings: EmbeddingsConfiguration

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        port = reader.read(Self.port)
        prices = EmbeddingPrices(&reader)
        embeddings = EmbeddingsConfiguration(ofQuestions: &reader, common)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        let server = try WebServer(port: UInt16(port))
        let history = FleetHistory()
        let pages = WebPages(
            context: context,
            pipeline: pipeline,
            // One for all questions: what the provider takes is learned once.
            embedder: embeddings.embedder(context.services, requests: 4),
            history: history,
            price: prices[pipeline.settings["EMBEDDING_MODEL"] ?? ""]
        )
        let address = "http://127.0.0.1:\(server.port)/"
        context.output.item("serving", "serving \(pipeline.index) at \(address)") { $0.field("address", address) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await history.run(pipeline, context) }
            try await server.run { await pages.respond($0) }
            group.cancelAll()
        }
        return .success
    }
}
