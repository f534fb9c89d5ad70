import IngestCore

/// How many hits, found how, printed how.
struct SearchOptions {
    var limit: Int
    var mode: ChunkSearch.Mode
    var asJSON: Bool

    static let limitSetting = Setting.number("LIMIT", "n", "search: how many hits", default: 5, in: 1...100)
    static let modeSetting = Setting.choice("MODE", ChunkSearch.Mode.allCases.map(\.rawValue), "search: by what", default: "hybrid")
    static let jsonSetting = Setting.toggle("JSON", "search: one JSON object a line, with the whole text")
    static let declarations = [limitSetting.declaration, modeSetting.declaration, jsonSetting.declaration]

    init(_ reader: inout SettingsReader) {
        limit = reader.read(Self.limitSetting)
        mode = ChunkSearch.Mode(rawValue: reader.read(Self.modeSetting)) ?? .hybrid
        asJSON = reader.read(Self.jsonSetting)
    }
}

/// `ingestctl search`.
struct SearchCommand {
    var services: Services
    var common: CommonConfiguration
    var embeddings: EmbeddingsConfiguration
    var options: SearchOptions

    func run(_ question: String) async throws -> String {
        let cluster = try await services.openSearch.cluster(names: common.names)
        var text = ""
        if !cluster.hasVectorSearch, options.mode != .text, !options.asJSON {
            text += "(this server compares no vectors: all stored ones are compared here, exactly)\n"
        }
        let ledger = services.ledger(common.names)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            defer { group.cancelAll() }
            let vector = options.mode == .text ? [] : try await self.vector(question)
            let search = ChunkSearch(client: services.openSearch, names: common.names, ledger: ledger, cluster: cluster)
            let asked = ChunkSearch.Question(text: question, vector: vector, limit: options.limit)
            let hits = try await search.hits(asked, mode: options.mode)
            if options.asJSON { return hits.map { Self.json($0) + "\n" }.joined() }
            if hits.isEmpty { return text + "nothing found\n" }
            return text + hits.enumerated().map { Self.line($0 + 1, $1, question) }.joined()
        }
    }

    private func vector(_ question: String) async throws -> [Float] {
        let input = EmbeddingInput(text: question, tokens: Tokenizer.cl100k.count(question))
        let answer = await embeddings.embedder(services, requests: 1).embed([input])
        return try answer[0].get()
    }

    private static func line(_ rank: Int, _ hit: SearchHit, _ question: String) -> String {
        var place = hit.object.description
        if let pages = hit.pages { place += pages.count == 1 ? ", page \(pages.lowerBound)" : ", pages \(pages.lowerBound)–\(pages.upperBound)" }
        let score = (hit.score * 1000).rounded() / 1000
        let headings = hit.headings.isEmpty ? "" : "   \(hit.headings.joined(separator: " › "))\n"
        return "\(rank). \(place)  (score \(score))\n\(headings)   \(hit.snippet(for: question))\n"
    }

    private static func json(_ hit: SearchHit) -> String {
        let bytes = JSONWriter.object { json in
            json.key("score")
            json.number(hit.score)
            json.field("document", hit.object.description)
            json.field("document_id", hit.documentID.description)
            json.field("generation", hit.generation)
            if let pages = hit.pages {
                json.field("page_start", pages.lowerBound)
                json.field("page_end", pages.upperBound)
            }
            json.field("title", hit.title)
            json.field("headings", hit.headings)
            json.field("text", hit.text)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
