import ExtractionWire
import FoundationEssentials

/// `POST /embeddings` of OpenAI and of servers that speak the same (openai-openapi, createEmbedding).
package struct OpenAIEmbedder: Embedder {
    package struct Settings: Sendable {
        /// Ends with the API's version: `https://api.openai.com/v1`.
        package var endpoint: Endpoint
        package var apiKey: String
        /// Azure's header; else the key is a bearer token.
        package var sendsKeyAsHeader: Bool
        /// Azure's `api-version`; empty for none.
        package var apiVersion: String
        package var model: String
        package var dimensions: Int

        package init(
            endpoint: Endpoint,
            apiKey: String,
            sendsKeyAsHeader: Bool = false,
            apiVersion: String = "",
            model: String,
            dimensions: Int
        ) {
            self.endpoint = endpoint
            self.apiKey = apiKey
            self.sendsKeyAsHeader = sendsKeyAsHeader
            self.apiVersion = apiVersion
            self.model = model
            self.dimensions = dimensions
        }
    }

    private let settings: Settings
    private let http: any HTTPClient
    private let retrying: Retrying
    private let limiter: RateLimiter

    /// openai-python's patience: it obeys waits of up to 120 s and none above.
    package static let policy = RetryPolicy(
        maximumAttempts: 4,
        base: .milliseconds(500),
        cap: .seconds(8),
        longestWish: .seconds(120)
    )

    package init(_ settings: Settings, http: any HTTPClient, retrying: Retrying, limiter: RateLimiter) {
        self.settings = settings
        self.http = http
        self.retrying = retrying
        self.limiter = limiter
    }

    package func embed(_ inputs: [EmbeddingInput]) async -> [Result<[Float], any Error>] {
        do {
            return try await vectors(inputs).map { .success($0) }
        } catch {
            // A refusal may be about one text: halves find it, and the others go through.
            guard let refusal = error as? EmbeddingError, refusal.isAboutInput, inputs.count > 1 else {
                return inputs.map { _ in .failure(error) }
            }
            let half = inputs.count / 2
            return await embed(Array(inputs[..<half])) + embed(Array(inputs[half...]))
        }
    }

    private func vectors(_ inputs: [EmbeddingInput]) async throws -> [[Float]] {
        let request = request(inputs)
        let tokens = inputs.reduce(0) { $0 + $1.tokens }
        do {
            return try await retried(request, tokens, inputs.count)
        } catch let error as HTTPError {
            throw error.final("the embeddings provider", setting: "OPENAI_BASE_URL")
        }
    }

    private func retried(_ request: HTTPRequest, _ tokens: Int, _ count: Int) async throws -> [[Float]] {
        try await retrying.run { _ in
            try await limiter.acquire()
            var headers: HTTPHeaders?
            do {
                let response = try await http.execute(request)
                headers = response.headers
                guard response.isSuccess else { throw EmbeddingError(response) }
                let vectors = try EmbeddingAnswer.vectors(
                    response.body,
                    count: count,
                    dimensions: settings.dimensions
                )
                limiter.release(headers, nil, nextTokens: tokens)
                return vectors
            } catch {
                limiter.release(headers, Failure(error), nextTokens: tokens)
                throw error
            }
        }
    }

    private func request(_ inputs: [EmbeddingInput]) -> HTTPRequest {
        let body = JSONWriter.object { json in
            json.field("model", settings.model)
            json.field("input", inputs.map(\.text))
            json.field("encoding_format", "base64")
            // The second generation of models has one size and refuses the parameter.
            if settings.model != "text-embedding-ada-002" { json.field("dimensions", settings.dimensions) }
        }
        var request = HTTPRequest(
            "POST",
            settings.endpoint,
            path: settings.endpoint.basePath + "/embeddings",
            body: body
        )
        request.headers = [("content-type", "application/json")]
        if settings.sendsKeyAsHeader {
            request.headers.append(("api-key", settings.apiKey))
        } else if !settings.apiKey.isEmpty {
            request.headers.append(("authorization", "Bearer \(settings.apiKey)"))
        }
        if !settings.apiVersion.isEmpty { request.query = [("api-version", settings.apiVersion)] }
        request.timeout = .seconds(120)
        return request
    }
}

/// The provider's refusal.
package struct EmbeddingError: ClassifiedError, CustomStringConvertible {
    package var status: Int
    package var code: String
    package var message: String
    private var parameter: String
    private var after: Duration?
    private var mayRetry: Bool?

    private struct Body: Decodable {
        struct Problem: Decodable {
            var message: String?
            var type: String?
            var param: String?
            var code: String?
        }
        var error: Problem?
    }

    package init(_ response: HTTPResponse) {
        let problem = (try? JSONDecoder().decode(Body.self, from: Data(response.body)))?.error
        status = response.status
        code = problem?.code ?? problem?.type ?? ""
        parameter = problem?.param ?? ""
        // Messages may quote the input; the numbers in them are what helps, and they come first.
        message = String((problem?.message ?? "").prefix(160))
        after = Self.wish(response.headers)
        mayRetry = response.headers["x-should-retry"].map { $0 == "true" }
    }

    /// `retry-after-ms`, then `retry-after`.
    private static func wish(_ headers: HTTPHeaders) -> Duration? {
        if let value = headers["retry-after-ms"].flatMap(Double.init) { return .milliseconds(value) }
        return headers.retryAfter
    }

    package var description: String {
        "embeddings: status \(status)\(code.isEmpty ? "" : ", \(code)")\(message.isEmpty ? "" : ": \(message)")"
    }

    /// The request was understood and its texts refused: too long, too many, or one of them not to the provider's taste.
    package var isAboutInput: Bool {
        [400, 413, 422].contains(status) && !["model", "dimensions", "encoding_format"].contains(parameter)
    }

    package var failure: Failure {
        if code == "insufficient_quota" {
            return .fleet("\(description): add credit or raise the limit, then work goes on by itself")
        }
        switch status {
        case 401, 403: return .fleet("\(description) (OPENAI_API_KEY)")
        case 404: return .fleet("\(description) (EMBEDDING_MODEL, OPENAI_BASE_URL)")
        case 429: return .throttled(description, after: after)
        case 408, 409, 500...: return mayRetry == false ? .fleet(description) : .transient(description)
        default:
            if isAboutInput {
                return .document(
                    Rejection(.embeddingRefused, "the embeddings provider refuses the text: \(description)")
                )
            }
            return .fleet("\(description) (EMBEDDING_MODEL, EMBEDDING_DIMENSIONS)")
        }
    }
}
