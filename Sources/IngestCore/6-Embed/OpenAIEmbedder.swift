import AsyncPrimitives
import ExtractionWire
import HTTPTransport
import Observability
import Resilience
import TextCoding

/// Embeddings over HTTP: of OpenAI and of servers that speak the same, of Voyage, Cohere and Amazon Bedrock (`EmbeddingAPI`).
///
/// What the server takes is learned from a probe of a few harmless words. A refusal is about the texts only where the probe succeeds at that
/// time; then halves find the text, and the others go through.
package final class OpenAIEmbedder: Embedder {
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
        /// Put before each text, as E5, BGE and nomic models expect it: `passage: `.
        package var prefix: String
        /// For one request.
        package var timeout: Duration
        package var api = EmbeddingAPI.openAI
        package var purpose = EmbeddingAPI.Purpose.document

        package init(
            endpoint: Endpoint,
            apiKey: String,
            sendsKeyAsHeader: Bool = false,
            apiVersion: String = "",
            model: String,
            dimensions: Int,
            prefix: String = "",
            timeout: Duration = .seconds(120)
        ) {
            self.endpoint = endpoint
            self.apiKey = apiKey
            self.sendsKeyAsHeader = sendsKeyAsHeader
            self.apiVersion = apiVersion
            self.model = model
            self.dimensions = dimensions
            self.prefix = prefix
            self.timeout = timeout
        }

        /// The header with the key; nil where there is none.
        var authorization: (String, String)? {
            if sendsKeyAsHeader { return ("api-key", apiKey) }
            return apiKey.isEmpty ? nil : ("authorization", "Bearer \(apiKey)")
        }
    }

    private typealias Item = Result<Embedding, EmbeddingError>

    let settings: Settings
    private let http: any HTTPClient
    private let retrying: Retrying
    package let limiter: RateLimiter
    private let log: Log
    private let prefixTokens: Int
    private let profile: LockedValue<EmbeddingProfile?>
    private let limits: RequestLimits
    private let learning = KeyedMutex<Int>()

    /// As openai-python does: it obeys a Retry-After of up to 120 s and none above.
    package static let policy = RetryPolicy(
        maximumAttempts: 4,
        base: .milliseconds(500),
        cap: .seconds(8),
        maximumRetryAfter: .seconds(120)
    )
    /// A text that fails alone while the probe succeeds is tried so often.
    private static let triesAlone = 3

    /// - Parameter profile: what the server takes, where that is known; else it is learned before the first request.
    package init(
        _ settings: Settings,
        http: any HTTPClient,
        retrying: Retrying,
        limiter: RateLimiter,
        log: Log,
        profile: EmbeddingProfile? = nil
    ) {
        self.profile = LockedValue(profile)
        self.settings = settings
        self.http = http
        self.retrying = retrying
        self.limiter = limiter
        self.log = log
        limits = RequestLimits()
        limits.allow(inputs: settings.api.maximumInputs)
        prefixTokens = settings.prefix.isEmpty ? 0 : Tokenizer.cl100k.count(settings.prefix)
    }

    package var tokensOfRequest: Int { limiter.tokensOfRequest }

    package func embed(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>] {
        do {
            _ = try await learnedProfile()
        } catch {
            return inputs.map { _ in .failure(error) }
        }
        var results: [Result<Embedding, any Error>] = []
        for part in limits.parts(of: inputs, tokens: tokensOfRequest) {
            results += await embed(part, isPart: false)
        }
        return results
    }

    /// Succeeds when the provider embeds a harmless text with the same parameters as the texts of documents.
    package func probe() async throws {
        guard let known = profile.withLock({ $0 }) else { return _ = try await learnedProfile() }
        do {
            _ = try await single("probe", known)
        } catch let error as EmbeddingError where EmbeddingProfile.isRefusal(error) {
            // Another server behind the same address may take other parameters.
            profile.withLock { $0 = nil }
            _ = try await learnedProfile()
        }
    }

    /// What the server takes; probed once, and again when it refuses.
    package func learnedProfile() async throws -> EmbeddingProfile {
        if let known = profile.withLock({ $0 }) { return known }
        return try await learning.run(0) {
            if let known = profile.withLock({ $0 }) { return known }
            let learned: EmbeddingProfile
            do {
                learned = try await EmbeddingProfile.learn(settings.api.shapes(model: settings.model)) {
                    try await self.once($0, $1)
                }
            } catch let error as HTTPError {
                throw Self.failure(error)
            }
            if learned.maximumInputs == 1 { limits.allow(inputs: 1) }
            profile.withLock { $0 = learned }
            log.notice("embeddings provider probed", ["endpoint": "\(settings.endpoint)", "profile": "\(learned)"])
            return learned
        }
    }

    /// - Parameter isPart: a larger request was refused, and the probe succeeded.
    private func embed(_ inputs: [EmbeddingInput], isPart: Bool) async -> [Result<Embedding, any Error>] {
        let items: [Item]
        do {
            items = try await retried(inputs)
            limits.passed(inputs)
        } catch {
            return await refused(inputs, error, isPart)
        }
        guard items.contains(where: { if case .failure = $0 { true } else { false } }) else {
            return items.map { $0.mapError { $0 } }
        }
        return await completed(inputs, items)
    }

    /// What is missing from a response is requested again, alone where nothing else is.
    private func completed(_ inputs: [EmbeddingInput], _ items: [Item]) async -> [Result<
        Embedding, any Error
    >] {
        var results: [Result<Embedding, any Error>] = items.map { $0.mapError { $0 } }
        var places: [Int] = []
        var first: EmbeddingError?
        for (place, item) in items.enumerated() {
            guard case .failure(let error) = item else { continue }
            places.append(place)
            first = first ?? error
        }
        guard let first else { return results }
        let again =
            places.count == inputs.count
            ? await refused(inputs, first, false) : await embed(places.map { inputs[$0] }, isPart: true)
        for (place, result) in zip(places, again) { results[place] = result }
        return results
    }

    /// Finds out what a failed request is about.
    private func refused(_ inputs: [EmbeddingInput], _ error: any Error, _ isPart: Bool) async -> [Result<
        Embedding, any Error
    >] {
        let failure = Self.failure(error)
        let facts = ["texts": "\(inputs.count)", "tokens": "\(tokens(inputs))", "error": failure.summary]
        if error is CancellationError { return inputs.map { _ in .failure(error) } }
        if let http = error as? HTTPError, http.kind == .timeout, inputs.count > 1 {
            // A server that is slow finishes a smaller request.
            limits.failed(inputs)
            log.warning("embedding request timed out, retrying in halves", facts)
            return await halves(inputs)
        }
        guard let problem = error as? EmbeddingError, problem.isTooLarge || !Self.isOfServer(problem) else {
            return inputs.map { _ in .failure(failure) }
        }
        if !isPart || inputs.count == 1 {
            do {
                try await probe()
            } catch {
                return inputs.map { _ in .failure(failure) }
            }
        }
        if inputs.count > 1 {
            if problem.isTooLarge { limits.failed(inputs) }
            log.warning("embedding request refused, retrying in halves", facts)
            return await halves(inputs)
        }
        return [await alone(inputs[0], problem)]
    }

    private func halves(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>] {
        let half = inputs.count / 2
        return await embed(Array(inputs[..<half]), isPart: true) + embed(Array(inputs[half...]), isPart: true)
    }

    /// A text that was refused alone. A 4xx response proves it; a server error may be chance.
    private func alone(_ input: EmbeddingInput, _ first: EmbeddingError) async -> Result<Embedding, any Error> {
        var problem = first
        if problem.status >= 500 || problem.isUnusableAnswer || problem.isForeign {
            for attempt in 1..<Self.triesAlone {
                let wait = Duration.seconds(1 << (attempt - 1))
                log.warning("embedding of one text failed, retrying", ["attempt": "\(attempt)", "error": "\(problem)"])
                do {
                    try await retrying.time.sleep(for: wait)
                    let items = try await once([input], learnedProfile())
                    switch items[0] {
                    case .success(let embedding): return .success(embedding)
                    case .failure(let error): problem = error
                    }
                } catch let error as EmbeddingError where !Self.isOfServer(error) || error.isTooLarge {
                    problem = error
                } catch {
                    return .failure(Self.failure(error))
                }
                do {
                    try await probe()
                } catch {
                    return .failure(Self.failure(error))
                }
            }
        }
        return .failure(Failure.document(problem.rejection))
    }

    /// Throttling and an empty account say nothing of the texts.
    private static func isOfServer(_ error: EmbeddingError) -> Bool { error.status == 429 || error.status == 408 }

    private static func failure(_ error: any Error) -> Failure {
        if let error = error as? HTTPError {
            return error.final("the embeddings provider", setting: "OPENAI_BASE_URL", of: .provider)
        }
        return Failure(error).of(.provider)
    }

    private func retried(_ inputs: [EmbeddingInput]) async throws -> [Item] {
        do {
            return try await retrying.run { _ in
                do {
                    return try await once(inputs, learnedProfile())
                } catch let error as EmbeddingError where error.isTooLarge {
                    throw NotAgain(error: error)
                } catch let error as HTTPError where error.kind == .timeout && inputs.count > 1 {
                    throw NotAgain(error: error)
                }
            }
        } catch let error as NotAgain {
            throw error.error
        }
    }

    /// The same request would end in the same way.
    private struct NotAgain: ClassifiedError {
        let error: any Error
        var failure: Failure { .fleet(Failure(error).summary, of: .provider) }
    }

    /// One request.
    private func once(_ inputs: [EmbeddingInput], _ profile: EmbeddingProfile) async throws -> [Item] {
        let texts = inputs.map { settings.prefix + $0.text }
        let request = request(texts, profile)
        let counted = tokens(inputs)
        try await limiter.acquire(tokens: counted)
        var headers: HTTPHeaders?
        do {
            let response = try await http.execute(request)
            headers = response.headers
            guard response.isSuccess else { throw EmbeddingError(response, inputs: texts) }
            let content = try EmbeddingResponse(
                response.body,
                of: settings.api,
                count: inputs.count,
                dimensions: settings.dimensions
            )
            let billed = content.tokens ?? Self.billedTokens(response.headers)
            limiter.release(headers, nil, nextTokens: counted, billed: billed)
            let shares = shares(inputs, of: billed ?? counted, among: counted)
            return zip(content.items, shares).map { item, share in item.map { Embedding(vector: $0, tokens: share) } }
        } catch {
            let isTooLarge = (error as? EmbeddingError)?.isTooLarge ?? false
            limiter.release(headers, isTooLarge ? nil : Failure(error), nextTokens: isTooLarge ? 0 : counted)
            throw error
        }
    }

    private func single(_ text: String, _ profile: EmbeddingProfile) async throws {
        _ = try await once([EmbeddingInput(text: text, tokens: 1)], profile)[0].get()
    }

    /// Amazon Bedrock says it in a header (user guide, "InvokeModel").
    private static func billedTokens(_ headers: HTTPHeaders) -> Int? {
        headers["x-amzn-bedrock-input-token-count"].flatMap(Int.init).flatMap { (1...1 << 31).contains($0) ? $0 : nil }
    }

    /// What is billed for a request, spread over its texts; together they are that again.
    private func shares(_ inputs: [EmbeddingInput], of billed: Int, among counted: Int) -> [Int] {
        var (sum, spread) = (0, 0)
        return inputs.map { input in
            sum += input.tokens + prefixTokens
            let end = counted > 0 ? Int((Double(sum) / Double(counted) * Double(billed)).rounded()) : 0
            defer { spread = end }
            return end - spread
        }
    }

    private func tokens(_ inputs: [EmbeddingInput]) -> Int { inputs.reduce(0) { $0 + $1.tokens + prefixTokens } }

    private func request(_ texts: [String], _ profile: EmbeddingProfile) -> HTTPRequest {
        let api = settings.api
        let body = api.body(
            texts,
            model: settings.model,
            dimensions: settings.dimensions,
            purpose: settings.purpose,
            profile
        )
        let path = api.path(settings.endpoint.basePath, model: settings.model)
        var request = HTTPRequest("POST", settings.endpoint, path: path, body: body)
        request.headers = [("content-type", "application/json")]
        if api.isSigned {
            request.headers.append(("accept", "application/json"))
        } else if let authorization = settings.authorization {
            request.headers.append(authorization)
        }
        if !settings.apiVersion.isEmpty { request.query = [("api-version", settings.apiVersion)] }
        request.timeout = settings.timeout
        return request
    }
}
