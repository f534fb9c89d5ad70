import AsyncPrimitives
import FoundationEssentials
import Observability
import OpenSearch
import TextCoding

/// How far the vectors that are made now are from those of the index: a provider that changes its model behind the same name, or a bucket
/// whose documents become other ones, shows here first.
package final class VectorDrift: Sendable {
    private struct State {
        var mean: [Float] = []
        var count = 0
        var reference: [Float] = []
    }

    /// About as many of the newest vectors count.
    private static let memory = 1000
    private static let leastVectors = 20
    private let state = LockedValue(State())

    package init() {}

    package func add(_ vector: [Float]) {
        state.withLock { state in
            if state.mean.count != vector.count { (state.mean, state.count) = (vector.map { _ in 0 }, 0) }
            state.count = min(state.count + 1, Self.memory)
            let share = 1 / Float(state.count)
            for place in vector.indices { state.mean[place] += (vector[place] - state.mean[place]) * share }
        }
    }

    /// The mean of a sample of the index.
    package func compare(with mean: [Float]) { state.withLock { $0.reference = mean } }

    /// 1 minus the cosine of the two means, from 0 to 2; none before there are vectors of both.
    package var readings: [Metrics.Reading] {
        let (mean, reference, count) = state.withLock { ($0.mean, $0.reference, $0.count) }
        guard count >= Self.leastVectors, mean.count == reference.count, !mean.isEmpty else { return [] }
        var (product, own, other) = (Float(0), Float(0), Float(0))
        for place in mean.indices {
            product += mean[place] * reference[place]
            own += mean[place] * mean[place]
            other += reference[place] * reference[place]
        }
        guard own > 0, other > 0 else { return [] }
        return [Metrics.Reading(.vectorDrift, nil, Double(1 - product / (own * other).squareRoot()))]
    }
}

extension OpenSearchIndex {
    private struct Sample: Decodable {
        struct Hits: Decodable { var hits: [Hit] }
        struct Hit: Decodable { var _source: Source }
        struct Source: Decodable { var vector: [Float]? }
        var hits: Hits
    }

    /// The mean of at most 200 vectors of the index, chosen at random; empty where it holds none.
    package func meanVector() async throws -> [Float] {
        let body = JSONWriter.object { json in
            json.field("size", 200)
            json.field("_source", ["vector"])
            json.object("query") { $0.object("function_score") { $0.object("random_score") { _ in } } }
        }
        let response = try await client.send("POST", "/\(name)/_search", body: body)
        let vectors = try client.decode(Sample.self, response).hits.hits.compactMap(\._source.vector)
        guard let first = vectors.first else { return [] }
        var mean = first.map { _ in Float(0) }
        for vector in vectors where vector.count == mean.count {
            for place in vector.indices { mean[place] += vector[place] / Float(vectors.count) }
        }
        return mean
    }
}
