import AsyncPrimitives
import FoundationEssentials
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// Every question asked in one way, and how well each was answered.
struct EvaluationRun: Sendable {
    struct Result: Sendable {
        var id: String
        var score: SearchScore
        var seconds: Double
        var hits: [SearchHit] = []
    }

    var name: String
    var index: String
    var results: [Result]

    private static let progressEvery = 25
    private static let (hitsOfOne, mostHits) = (3, 100)

    /// - Parameters:
    ///   - limit: hits that count for recall.
    ///   - budgets: of tokens, ascending.
    init(
        _ variant: EvaluationVariant,
        _ questions: [EvaluationQuestion],
        limit: Int,
        budgets: [Int],
        _ embeddings: EmbeddingsConfiguration,
        _ context: CommandContext
    ) async throws {
        let target = try await Target(variant, embeddings, context)
        let time = context.services.time
        var meter = ProgressMeter(context.output, time, variant.name, total: questions.count)
        var results: [Result] = []
        try await context.withLedger(target.names) { ledger in
            let search = try await target.search(ledger, context)
            for question in questions {
                let begun = time.uptime
                let vector = variant.mode == .text ? [] : try await SearchCommand.vector(question.text, target.embedder)
                // More than the limit: a document has several chunks, and a budget room for many.
                let deep = min(Self.mostHits, Self.hitsOfOne * max(limit, 10))
                var request = ChunkSearch.Question(text: question.text, vector: vector, limit: deep)
                (request.join, request.depth) = (variant.join, variant.depth)
                let hits = try await search.hits(request, mode: variant.mode)
                let seconds = (time.uptime - begun).seconds
                let judged = hits.map { SearchScore.Hit(right: question.right($0), tokens: $0.tokens) }
                let score = SearchScore(
                    Self.ranked(judged, question, hits),
                    grades: question.grades,
                    limit: limit,
                    budgets: budgets
                )
                results.append(Result(id: question.id, score: score, seconds: seconds, hits: hits))
                if results.count % Self.progressEvery == 0 { meter.update(results.count) }
            }
        }
        meter.finish()
        (name, index, self.results) = (variant.name, target.names.chunks, results)
    }

    init(name: String, index: String, results: [Result]) {
        (self.name, self.index, self.results) = (name, index, results)
    }

    /// Where documents are judged, a document has one place, that of its best chunk, as in trec_eval.
    private static func ranked(_ judged: [SearchScore.Hit], _ question: EvaluationQuestion, _ hits: [SearchHit])
        -> [SearchScore.Hit]
    {
        guard question.answers.isEmpty else { return judged }
        var seen: Set<DocumentID> = []
        var ranked: [SearchScore.Hit] = []
        for (hit, judgement) in zip(hits, judged) {
            if seen.insert(hit.documentID).inserted {
                ranked.append(judgement)
            } else if !ranked.isEmpty {
                ranked[ranked.count - 1].tokens += judgement.tokens
            }
        }
        return ranked
    }

    func mean(_ value: (SearchScore) -> Double) -> Double {
        results.isEmpty ? 0 : results.reduce(0) { $0 + value($1.score) } / Double(results.count)
    }

    /// Of the durations, in seconds.
    func percentile(_ percent: Int) -> Double {
        let sorted = results.map(\.seconds).sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }
}

/// What a variant searches: the readers' alias, or one pipeline's index with that pipeline's model.
private struct Target {
    let names: IndexNames
    let embedder: OpenAIEmbedder
    private let isIndex: Bool

    init(_ variant: EvaluationVariant, _ embeddings: EmbeddingsConfiguration, _ context: CommandContext) async throws {
        var provider = embeddings
        isIndex = !variant.pipeline.isEmpty
        if isIndex {
            let pipeline = try await context.of(variant.pipeline).pipeline()
            names = pipeline.names
            if let model = pipeline.settings["EMBEDDING_MODEL"] { provider.provider.model = model }
            if let dimensions = pipeline.settings["EMBEDDING_DIMENSIONS"].flatMap({ Int($0) }) {
                provider.provider.dimensions = dimensions
            }
        } else {
            names = context.common.names
        }
        // One for all: what the provider takes is learned once.
        embedder = provider.embedder(context.services, requests: 1)
    }

    func search(_ ledger: OpenSearchLedger, _ context: CommandContext) async throws -> ChunkSearch {
        let client = context.services.openSearch
        let cluster = try await client.cluster(searching: names.pattern)
        let search = ChunkSearch(client: client, names: names, ledger: ledger, cluster: cluster)
        return isIndex ? search.reading(names.chunks) : search
    }
}
