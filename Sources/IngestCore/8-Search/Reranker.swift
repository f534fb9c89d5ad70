import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// Orders the best candidates of a search again, by a model that reads question and text together.
package protocol Reranker: Sendable {
    /// How many it gets.
    var candidates: Int { get }

    /// A score for each text, in their order; the higher, the better it answers the question.
    func scores(_ question: String, _ texts: [String]) async throws -> [Double]
}

/// A reranker behind HTTP, in one of two shapes that many servers share.
package struct HTTPReranker: Reranker {
    /// The values are those of RERANK_API.
    package enum Shape: String, CaseIterable, Sendable {
        /// Hugging Face's text-embeddings-inference: `{"query", "texts"}`, answered by `[{"index", "score"}]`.
        case tei
        /// Cohere's, which Jina, Voyage (`data` for `results`), vLLM and Amazon's gateways have as well: `{"model", "query", "documents"}`, answered by
        /// `{"results": [{"index", "relevance_score"}]}`.
        case cohere
    }

    package struct Settings: Sendable {
        package var endpoint: Endpoint
        package var shape: Shape
        package var model: String
        package var key: String
        package var candidates: Int

        package init(endpoint: Endpoint, shape: Shape, model: String, key: String, candidates: Int) {
            (self.endpoint, self.shape, self.model) = (endpoint, shape, model)
            (self.key, self.candidates) = (key, candidates)
        }
    }

    private let settings: Settings
    private let http: any HTTPClient
    private let retrying: Retrying

    package init(_ settings: Settings, http: any HTTPClient, retrying: Retrying) {
        (self.settings, self.http, self.retrying) = (settings, http, retrying)
    }

    package var candidates: Int { settings.candidates }

    private struct Item: Decodable {
        var index: Int
        var score: Double?
        var relevance_score: Double?
    }

    private struct Items: Decodable {
        var results: [Item]?
        var data: [Item]?
    }

    package func scores(_ question: String, _ texts: [String]) async throws -> [Double] {
        let request = request(question, texts)
        let response = try await retrying.run { _ in
            let response: HTTPResponse
            do {
                response = try await http.execute(request)
            } catch let error as HTTPError {
                throw error.final("the reranker", setting: "RERANK_URL", of: .host)
            }
            if response.status == 429 || response.status >= 500 {
                throw Failure.transient("the reranker at \(settings.endpoint) answers \(response.status)")
            }
            return response
        }
        guard response.isSuccess else {
            throw Failure.fleet(
                "the reranker at \(settings.endpoint) answers \(response.status) (RERANK_URL, RERANK_API, RERANK_MODEL, RERANK_API_KEY)"
            )
        }
        guard let scores = Self.scores(response.body, count: texts.count) else {
            throw Failure.fleet(
                "the reranker at \(settings.endpoint) gives no score for each text: is RERANK_API=\(settings.shape.rawValue) what it speaks?"
            )
        }
        return scores
    }

    private static func scores(_ body: [UInt8], count: Int) -> [Double]? {
        let decoder = JSONDecoder()
        let data = Data(body)
        let items =
            (try? decoder.decode([Item].self, from: data))
            ?? (try? decoder.decode(Items.self, from: data)).flatMap { $0.results ?? $0.data }
        var scores = [Double?](repeating: nil, count: count)
        for item in items ?? [] where scores.indices.contains(item.index) {
            scores[item.index] = (item.relevance_score ?? item.score).flatMap { $0.isFinite ? $0 : nil }
        }
        let known = scores.compactMap(\.self)
        return known.count == count ? known : nil
    }

    private func request(_ question: String, _ texts: [String]) -> HTTPRequest {
        let body: [UInt8]
        switch settings.shape {
        case .tei:
            body = JSONWriter.object {
                $0.field("query", question)
                $0.field("texts", texts)
                $0.field("truncate", true)
            }
        case .cohere:
            body = JSONWriter.object {
                if !settings.model.isEmpty { $0.field("model", settings.model) }
                $0.field("query", question)
                $0.field("documents", texts)
                $0.field("top_n", texts.count)
            }
        }
        var request = HTTPRequest("POST", settings.endpoint, path: settings.endpoint.basePath + "/rerank", body: body)
        request.headers = [("content-type", "application/json")]
        if !settings.key.isEmpty { request.headers.append(("authorization", "Bearer \(settings.key)")) }
        return request
    }
}
