import AsyncPrimitives
import CommandLineOptions
import IngestCore
import OpenSearch
import TextCoding

/// `ingestctl search`.
struct SearchCommand: Command {
    static let declaration = CommandDeclaration(
        name: "search",
        summary: "print the best hits, of live versions only; with --tenant of that tenant alone",
        operands: "QUESTION...",
        operandCount: 1...Int.max,
        settings: Settings.embeddings + SearchOptions.declarations + [Settings.queryPrefix.declaration],
        example: "search --limit 10 who may board the pilot boat",
        json: [
            "hit":
                "score source bucket key tenant document document_id generation chunk chunks char_start char_end tokens page? page_start? page_end? title headings author url? metadata? format language last_modified flags quality? parent_index? passage highlights text context?"
        ]
    )

    private let question: String
    private let options: SearchOptions
    private let rerank: RerankOptions
    private let embeddings: EmbeddingsConfiguration

    /// The words of the question need no quotes.
    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        question = operands.joined(separator: " ")
        options = SearchOptions(&reader, common)
        rerank = RerankOptions(&reader)
        if question.trimmed.isEmpty { reader.usage("the question is empty") }
        embeddings = EmbeddingsConfiguration(ofQuestions: &reader, common)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let (services, common, output) = (context.services, context.common, context.output)
        let cluster = try await services.openSearch.cluster(searching: common.names.pattern)
        if !cluster.hasVectorSearch, options.mode != .text {
            output.text("(this server compares no vectors: all stored ones are compared here, exactly)")
        }
        let hits: [(SearchHit, context: [SearchHit])] = try await context.withLedger(common.names) { ledger in
            let vector =
                options.mode == .text ? [] : try await Self.vector(question, embeddings.embedder(services, requests: 1))
            let search = ChunkSearch(
                client: services.openSearch,
                names: common.names,
                ledger: ledger,
                cluster: cluster,
                reranker: rerank.reranker(services)
            )
            let request = options.question(question, vector, at: services.time.now)
            var hits: [(SearchHit, context: [SearchHit])] = []
            for hit in try await search.hits(request, mode: options.mode) {
                let context =
                    options.expand > 0 || hit.parent != nil ? try await search.neighbours(of: hit, options.expand) : []
                hits.append((hit, context))
            }
            return hits
        }
        if hits.isEmpty { output.text("nothing found") }
        for (place, (hit, context)) in hits.enumerated() {
            output.item("hit", Self.line(place + 1, hit, context, question)) { Self.write(hit, context, question, &$0) }
        }
        return .success
    }

    static func vector(_ question: String, _ embedder: OpenAIEmbedder) async throws -> [Float] {
        let input = EmbeddingInput(text: question, tokens: Tokenizer.cl100k.count(question))
        return try await embedder.embed([input])[0].get().vector
    }

    private static func line(_ rank: Int, _ hit: SearchHit, _ context: [SearchHit], _ question: String) -> String {
        let passage = hit.passage(for: question)
        let place = hit.object.description + (passage.page.map { ", page \($0)" } ?? "")
        let score = (hit.score * 1000).rounded() / 1000
        let headings = hit.headings.isEmpty ? "" : "   \(hit.headings.joined(separator: " › ").printable)\n"
        let around = context.map { chunk in
            let flat = chunk.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return "\n   \(chunk.chunk == hit.chunk ? ">" : "|") \(flat.printable)"
        }
        return
            "\(rank). \(place.printable)  (score \(score))\n\(headings)   \(passage.text.printable)\(around.joined())"
    }

    private static func write(_ hit: SearchHit, _ context: [SearchHit], _ question: String, _ json: inout JSONWriter) {
        let passage = hit.passage(for: question)
        json.key("score")
        json.number(hit.score)
        json.field("source", hit.object.description)
        json.field("bucket", hit.object.bucket)
        json.field("key", hit.object.key)
        json.field("tenant", hit.tenant)
        json.field("document", hit.object.description)
        json.field("document_id", hit.documentID.description)
        json.field("generation", hit.generation)
        json.field("chunk", hit.chunk)
        json.field("chunks", hit.chunkCount)
        json.field("char_start", hit.characters.lowerBound)
        json.field("char_end", hit.characters.upperBound)
        json.field("tokens", hit.tokens)
        if let page = passage.page { json.field("page", page) }
        if let first = hit.pages.first, let last = hit.pages.last {
            json.field("page_start", first.number)
            json.field("page_end", last.number)
        }
        json.field("title", hit.title)
        json.field("headings", hit.headings)
        json.field("format", hit.format)
        json.field("author", hit.author)
        if !hit.url.isEmpty { json.field("url", hit.url) }
        if !hit.metadata.isEmpty {
            json.key("metadata")
            json.raw(hit.metadata)
        }
        json.field("language", hit.language)
        json.field("last_modified", hit.lastModified)
        json.field("flags", hit.flags)
        if let quality = hit.quality { json.field("quality", quality) }
        json.field("passage", passage.text)
        if let parent = hit.parent { json.field("parent_index", parent) }
        json.field("highlights", hit.highlights)
        json.field("text", hit.text)
        if !context.isEmpty { json.field("context", context.map(\.text)) }
    }
}
