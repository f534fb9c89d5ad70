import CommandLineOptions
import IngestCore
import OpenSearch
import TextCoding

/// How many hits, found how, printed how.
struct SearchOptions {
    var limit: Int
    var mode: ChunkSearch.Mode
    var asJSON: Bool

    static let limitSetting = Setting.number("LIMIT", "n", "search: maximum number of hits", default: 5, in: 1...100)
        .asFlagOnly
    static let modeSetting = Setting.choice(
        "MODE",
        ChunkSearch.Mode.allCases.map(\.rawValue),
        "search: by text, by vector, or both",
        default: "hybrid"
    ).asFlagOnly
    static let jsonSetting = Setting.toggle("JSON", "search: one JSON object per line, with the full text").asFlagOnly
    static let declarations = [limitSetting.declaration, modeSetting.declaration, jsonSetting.declaration]

    init(_ reader: inout SettingsReader) {
        limit = reader.read(Self.limitSetting)
        mode = ChunkSearch.Mode(rawValue: reader.read(Self.modeSetting)) ?? .hybrid
        asJSON = reader.read(Self.jsonSetting)
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
        example: "search --limit 10 who may board the pilot boat"
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

    func run(_ context: CommandContext) async throws -> String {
        let (services, common) = (context.services, context.common)
        let cluster = try await services.openSearch.cluster(searching: common.names.pattern)
        var text = ""
        if !cluster.hasVectorSearch, options.mode != .text, !options.asJSON {
            text += "(this server compares no vectors: all stored ones are compared here, exactly)\n"
        }
        let ledger = services.ledger(common.names)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            defer { group.cancelAll() }
            let vector = options.mode == .text ? [] : try await self.vector(services)
            let search = ChunkSearch(client: services.openSearch, names: common.names, ledger: ledger, cluster: cluster)
            let request = ChunkSearch.Question(text: question, vector: vector, limit: options.limit)
            let hits = try await search.hits(request, mode: options.mode)
            if options.asJSON { return hits.map { Self.json($0, question) + "\n" }.joined() }
            if hits.isEmpty { return text + "nothing found\n" }
            return text + hits.enumerated().map { Self.line($0 + 1, $1, question) }.joined()
        }
    }

    private func vector(_ services: Services) async throws -> [Float] {
        let input = EmbeddingInput(text: question, tokens: Tokenizer.cl100k.count(question))
        let parsed = await embeddings.embedder(services, requests: 1).embed([input])
        return try parsed[0].get()
    }

    private static func line(_ rank: Int, _ hit: SearchHit, _ question: String) -> String {
        let passage = hit.passage(for: question)
        let place = hit.object.description + (passage.page.map { ", page \($0)" } ?? "")
        let score = (hit.score * 1000).rounded() / 1000
        let headings = hit.headings.isEmpty ? "" : "   \(hit.headings.joined(separator: " › ").printable)\n"
        return "\(rank). \(place.printable)  (score \(score))\n\(headings)   \(passage.text.printable)\n"
    }

    private static func json(_ hit: SearchHit, _ question: String) -> String {
        let bytes = JSONWriter.object { json in
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
        return String(decoding: bytes, as: UTF8.self).printableJSON
    }
}
