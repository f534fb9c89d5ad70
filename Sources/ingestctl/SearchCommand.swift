import CommandLineOptions
import IngestCore
import OpenSearch
import TextCoding

/// How many hits, found how.
struct SearchOptions: Sendable {
    var limit: Int
    var mode: ChunkSearch.Mode

    static let limitSetting = Setting.number("LIMIT", "n", "maximum number of hits", default: 5, in: 1...100)
        .asFlagOnly
    static let modeSetting = Setting.choice(
        "MODE",
        ChunkSearch.Mode.allCases.map(\.rawValue),
        "search by text, by vector, or both",
        default: "hybrid"
    ).asFlagOnly
    static let declarations = [limitSetting.declaration, modeSetting.declaration]

    init(_ reader: inout SettingsReader) {
        limit = reader.read(Self.limitSetting)
        mode = ChunkSearch.Mode(rawValue: reader.read(Self.modeSetting)) ?? .hybrid
    }
}

/// `ingestctl search`.
struct SearchCommand: Command {
    static let declaration = CommandDeclaration(
        name: "search",
        summary: "print the best hits, of live versions only",
        operands: "QUESTION...",
        operandCount: 1...Int.max,
        settings: Settings.embeddings + SearchOptions.declarations + [Settings.queryPrefix.declaration],
        example: "search --limit 10 who may board the pilot boat",
        json: ["hit": "score document document_id generation page? page_start? page_end? title headings text"]
    )

    private let question: String
    private let options: SearchOptions
    private let embeddings: EmbeddingsConfiguration

    /// The words of the question need no quotes.
    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        question = operands.joined(separator: " ")
        options = SearchOptions(&reader)
        embeddings = EmbeddingsConfiguration(&reader, common, prefix: reader.read(Settings.queryPrefix))
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let (services, common, output) = (context.services, context.common, context.output)
        let cluster = try await services.openSearch.cluster(searching: common.names.pattern)
        if !cluster.hasVectorSearch, options.mode != .text {
            output.text("(this server compares no vectors: all stored ones are compared here, exactly)")
        }
        let hits = try await context.withLedger(common.names) { ledger in
            let vector = options.mode == .text ? [] : try await Self.vector(question, embeddings, services)
            let search = ChunkSearch(client: services.openSearch, names: common.names, ledger: ledger, cluster: cluster)
            let request = ChunkSearch.Question(text: question, vector: vector, limit: options.limit)
            return try await search.hits(request, mode: options.mode)
        }
        if hits.isEmpty { output.text("nothing found") }
        for (place, hit) in hits.enumerated() {
            output.item("hit", Self.line(place + 1, hit, question)) { Self.write(hit, question, &$0) }
        }
        return .success
    }

    static func vector(_ question: String, _ embeddings: EmbeddingsConfiguration, _ services: Services) async throws
        -> [Float]
    {
        let input = EmbeddingInput(text: question, tokens: Tokenizer.cl100k.count(question))
        let parsed = await embeddings.embedder(services, requests: 1).embed([input])
        return try parsed[0].get()
    }

    private static func line(_ rank: Int, _ hit: SearchHit, _ question: String) -> String {
        let passage = hit.passage(for: question)
        let place = hit.object.description + (passage.page.map { ", page \($0)" } ?? "")
        let score = (hit.score * 1000).rounded() / 1000
        let headings = hit.headings.isEmpty ? "" : "   \(hit.headings.joined(separator: " › ").printable)\n"
        return "\(rank). \(place.printable)  (score \(score))\n\(headings)   \(passage.text.printable)"
    }

    private static func write(_ hit: SearchHit, _ question: String, _ json: inout JSONWriter) {
        json.key("score")
        json.number(hit.score)
        json.field("document", hit.object.description)
        json.field("document_id", hit.documentID.description)
        json.field("generation", hit.generation)
        if let page = hit.passage(for: question).page { json.field("page", page) }
        if let first = hit.pages.first, let last = hit.pages.last {
            json.field("page_start", first.number)
            json.field("page_end", last.number)
        }
        json.field("title", hit.title)
        json.field("headings", hit.headings)
        json.field("text", hit.text)
    }
}
