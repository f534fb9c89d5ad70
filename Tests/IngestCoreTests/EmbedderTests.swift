import AsyncPrimitives
import ExtractionWire
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

@Suite struct EmbedderTests {
    private static let inputs = [
        EmbeddingInput(text: "one", tokens: 1), EmbeddingInput(text: "two", tokens: 1),
        EmbeddingInput(text: "three", tokens: 1),
    ]

    private func embedder(_ http: ScriptedHTTPClient, time: any TimeSource = SystemTime()) -> OpenAIEmbedder {
        OpenAIEmbedder(
            .init(endpoint: Endpoint("http://127.0.0.1:1/v1")!, apiKey: "key", model: "m", dimensions: 2),
            http: http,
            retrying: Retrying(
                policy: RetryPolicy(maximumAttempts: 2, base: .milliseconds(1), maximumRetryAfter: .seconds(120)),
                time: time
            ),
            limiter: RateLimiter(maximumInFlight: 4, time: time),
            log: LoopEnvironment.test(time: time).log,
            profile: EmbeddingProfile()
        )
    }

    private static func answer(_ vectors: [[Float]], base64: Bool = true, order: [Int]? = nil) -> HTTPResponse {
        let items = (order ?? Array(vectors.indices)).map { index -> String in
            let bytes = vectors[index].flatMap { value in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
            let value =
                base64
                ? "\"\(Data(bytes).base64EncodedString())\""
                : "[\(vectors[index].map(\.description).joined(separator: ", "))]"
            return "{\"object\":\"embedding\",\"index\":\(index),\"embedding\":\(value)}"
        }
        return HTTPResponse(
            status: 200,
            body: Array("{\"object\":\"list\",\"data\":[\(items.joined(separator: ","))],\"model\":\"m\"}".utf8)
        )
    }

    private static func refusal(_ status: Int, code: String, message: String = "no", param: String = "") -> HTTPResponse
    {
        let body = "{\"error\":{\"message\":\"\(message)\",\"type\":\"t\",\"param\":\"\(param)\",\"code\":\"\(code)\"}}"
        return HTTPResponse(status: status, body: Array(body.utf8))
    }

    @Test(arguments: [true, false])
    func vectorsComeInTheOrderOfTheInputsAndOfUnitLength(_ base64: Bool) async throws {
        let http = ScriptedHTTPClient { _, _ in
            Self.answer([[1, 0], [0, 2], [3, 4]], base64: base64, order: [2, 0, 1])
        }
        let vectors = try await embedder(http).embed(Self.inputs).map { try $0.get().vector }
        #expect(vectors == [[1, 0], [0, 1], [0.6, 0.8]])
        #expect(String(decoding: http.requests[0].body, as: UTF8.self).contains("\"dimensions\":2"))
    }

    @Test func azureGetsItsHeaderAndItsVersion() async throws {
        let http = ScriptedHTTPClient { _, _ in Self.answer([[1, 0]]) }
        let endpoint = try #require(Endpoint("https://x.openai.azure.com/openai/deployments/small"))
        let azure = OpenAIEmbedder(
            .init(
                endpoint: endpoint,
                apiKey: "key",
                sendsKeyAsHeader: true,
                apiVersion: "2024-10-21",
                model: "m",
                dimensions: 2
            ),
            http: http,
            retrying: Retrying(),
            limiter: RateLimiter(maximumInFlight: 1, time: SystemTime()),
            log: LoopEnvironment.test(time: SystemTime()).log,
            profile: EmbeddingProfile()
        )
        _ = try await azure.embed([Self.inputs[0]])[0].get()
        let sent = http.requests[0]
        #expect(sent.url == "https://x.openai.azure.com/openai/deployments/small/embeddings?api-version=2024-10-21")
        #expect(sent.headers.contains { $0 == ("api-key", "key") })
        #expect(!sent.headers.contains { $0.name == "authorization" })
    }

    @Test func aRefusedTextIsFoundAndTheOthersGoThrough() async throws {
        let http = ScriptedHTTPClient { request, _ in
            let body = String(decoding: request.body, as: UTF8.self)
            if body.contains("two") { return Self.refusal(400, code: "", message: "bad input") }
            return Self.answer(
                [[Float]](repeating: [1, 0], count: body.contains("one") && body.contains("three") ? 2 : 1)
            )
        }
        let results = await embedder(http).embed(Self.inputs)
        #expect(throws: Never.self) { try results[0].get() }
        #expect(throws: Never.self) { try results[2].get() }
        guard case .failure(let error) = results[1], case .document(let rejection) = Failure(error) else {
            return _ = Issue.record("not rejected")
        }
        #expect(rejection.code == .embeddingRefused)
    }

    /// The provider answers the same to everything, the probe included.
    @Test(arguments: [
        (429, "insufficient_quota", "", "fleet"), (401, "invalid_api_key", "", "fleet"),
        (404, "model_not_found", "", "fleet"), (400, "", "dimensions", "fleet"), (422, "extra_forbidden", "", "fleet"),
        (400, "billing_hard_limit_reached", "", "fleet"), (400, "OperationNotSupported", "", "fleet"),
        (413, "", "", "fleet"), (424, "", "", "fleet"), (500, "", "", "transient"),
        (429, "rate_limit_exceeded", "", "throttled"),
    ])
    func aProviderThatRefusesEverythingIsNeverTheTextsFault(
        _ status: Int,
        _ code: String,
        _ param: String,
        _ kind: String
    )
        async
    {
        let http = ScriptedHTTPClient { _, _ in Self.refusal(status, code: code, param: param) }
        let time = VirtualTime()
        let results = await time.flowing { await self.embedder(http, time: time).embed(Self.inputs) }
        for result in results {
            guard case .failure(let error) = result else { return _ = Issue.record("no failure") }
            #expect(Failure(error).kind == kind && Failure(error).dependency == .provider)
        }
        #expect(http.requests.count <= 8, "a request, the probe, and the probe's other shapes: \(http.requests.count)")
    }

    @Test(arguments: [
        "{\"data\":[]}", "not json", "{\"data\":[{\"index\":9,\"embedding\":[1,0]}]}",
        "{\"error\":{\"message\":\"busy\"}}",
        "", "{\"data\":[{\"index\":0,\"embedding\":null}]}",
    ])
    func answersThatCannotBeUsedAreTheProvidersWhereTheProbeMeetsThemAsWell(_ body: String) async {
        let http = ScriptedHTTPClient { _, _ in HTTPResponse(status: 200, body: Array(body.utf8)) }
        for result in await embedder(http).embed(Self.inputs) {
            guard case .failure(let error) = result else { return _ = Issue.record("no failure") }
            #expect(Failure(error).dependency == .provider)
        }
        #expect(http.requests.count <= 8, "bounded: \(http.requests.count)")
    }

    @Test func wrongDimensionsAndZeroVectorsNeverReachTheIndex() async {
        let wide = ScriptedHTTPClient { _, _ in Self.answer([[1, 0, 0]]) }
        guard case .failure(let error) = await embedder(wide).embed([Self.inputs[0]])[0] else {
            return _ = Issue.record("no failure")
        }
        #expect(Failure(error).kind == "fleet")
        let zero = ScriptedHTTPClient { _, _ in Self.answer([[0, 0]]) }
        guard case .failure = await embedder(zero).embed([Self.inputs[0]])[0] else {
            return _ = Issue.record("no failure")
        }
    }

    @Test func theServersRetryAfterIsObeyed() async throws {
        let time = VirtualTime()
        let http = ScriptedHTTPClient { _, number in
            if number > 1 { return Self.answer([[1, 0]]) }
            return HTTPResponse(status: 429, headers: HTTPHeaders([("retry-after", "30")]), body: [])
        }
        let results = await time.flowing { await self.embedder(http, time: time).embed([Self.inputs[0]]) }
        #expect(throws: Never.self) { try results[0].get() }
        #expect(time.uptime >= .seconds(30))
    }

    @Test func batchesKeepTheirLimits() async throws {
        let sizes = LockedValue([(Int, Int)]())
        struct Recorder: Embedder {
            let sizes: LockedValue<[(Int, Int)]>
            func embed(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>] {
                sizes.withLock { $0.append((inputs.count, inputs.reduce(0) { $0 + $1.tokens })) }
                return inputs.map { .success(Embedding(vector: [Float($0.tokens)], tokens: $0.tokens)) }
            }
        }
        let time = VirtualTime()
        let batcher = EmbeddingBatcher(Recorder(sizes: sizes), inputs: 10, tokens: 100, concurrency: 2, time: time)
        let inputs = (0..<95).map { EmbeddingInput(text: "t\($0)", tokens: $0 % 30 + 1) }
        let vectors = try await time.flowing {
            try await withThrowingTaskGroup(of: [[Float]]?.self) { group in
                group.addTask {
                    await batcher.run()
                    return nil
                }
                group.addTask { try await batcher.embed(inputs).map { try $0.get().vector } }
                defer { group.cancelAll() }
                return try await group.next()!!
            }
        }
        #expect(vectors == inputs.map { [Float($0.tokens)] })
        #expect(sizes.withLock { $0.allSatisfy { $0.0 <= 10 && $0.1 <= 100 } && $0.count < 40 })
    }

    /// What a server with limits answers; the probe's words always pass.
    private func limited(_ time: VirtualTime, _ refusal: @escaping @Sendable (Int) -> HTTPResponse?) -> (
        OpenAIEmbedder, ScriptedHTTPClient
    ) {
        let http = ScriptedHTTPClient { request, _ in
            struct Asked: Decodable { var input: [String] }
            let count = try JSONDecoder().decode(Asked.self, from: Data(request.body)).input.count
            return refusal(count) ?? Self.answer([[Float]](repeating: [1, 0], count: count))
        }
        return (embedder(http, time: time), http)
    }

    @Test func aRequestThatIsTooLargeIsHalvedAndItsSizeRemembered() async throws {
        let time = VirtualTime()
        let (embedder, http) = limited(time) { count in
            count > 8
                ? Self.refusal(
                    429,
                    code: "rate_limit_exceeded",
                    message: "Request too large: Limit 4000, Requested 20000"
                ) : nil
        }
        let inputs = (0..<53).map { EmbeddingInput(text: "text \($0)", tokens: 500) }
        let results = await time.flowing { await embedder.embed(inputs) }
        #expect(results.allSatisfy { if case .success = $0 { true } else { false } })
        let first = http.requests.count
        _ = await time.flowing { await embedder.embed(inputs) }
        #expect(
            http.requests.count - first <= 9,
            "\(http.requests.count - first) requests: the size that passed is known"
        )
    }

    @Test func aRequestThatIsTooSlowIsHalved() async throws {
        let time = VirtualTime()
        let http = ScriptedHTTPClient { request, _ in
            struct Asked: Decodable { var input: [String] }
            let count = try JSONDecoder().decode(Asked.self, from: Data(request.body)).input.count
            if count > 4 { throw HTTPError(.timeout, "120 s") }
            return Self.answer([[Float]](repeating: [1, 0], count: count))
        }
        let inputs = (0..<16).map { EmbeddingInput(text: "text \($0)", tokens: 10) }
        let embedder = embedder(http, time: time)
        let results = await time.flowing { await embedder.embed(inputs) }
        #expect(results.allSatisfy { if case .success = $0 { true } else { false } })
        #expect(http.requests.count <= 8)
    }

    @Test(arguments: ["dimensions", "encoding_format", "both", "neither"])
    func theProbeLearnsWhatTheServerTakes(_ refused: String) async throws {
        let http = ScriptedHTTPClient { request, _ in
            let body = String(decoding: request.body, as: UTF8.self)
            let names = refused == "both" ? ["dimensions", "encoding_format"] : [refused]
            if names.contains(where: { body.contains("\"\($0)\"") }) {
                let text = #"{"object":"error","message":"extra fields are not permitted","code":422}"#
                return HTTPResponse(status: 422, body: Array(text.utf8))
            }
            let count = body.contains("lighthouse") && body.contains("probe") ? 2 : 1
            return Self.answer([[Float]](repeating: [1, 0], count: count), base64: body.contains("base64"))
        }
        let embedder = OpenAIEmbedder(
            .init(endpoint: Endpoint("http://127.0.0.1:1/v1")!, apiKey: "key", model: "m", dimensions: 2),
            http: http,
            retrying: Retrying(),
            limiter: RateLimiter(maximumInFlight: 4, time: SystemTime()),
            log: LoopEnvironment.test(time: SystemTime()).log
        )
        let profile = try await embedder.learnedProfile()
        #expect(profile.sendsDimensions == !["dimensions", "both"].contains(refused))
        #expect(profile.sendsBase64 == !["encoding_format", "both"].contains(refused))
        _ = try await embedder.embed([Self.inputs[0]])[0].get()
        #expect(http.requests.count <= 6)
    }

    @Test func thePrefixIsPutBeforeEachText() async throws {
        let http = ScriptedHTTPClient { _, _ in Self.answer([[1, 0]]) }
        let embedder = OpenAIEmbedder(
            .init(
                endpoint: Endpoint("http://127.0.0.1:1/v1")!,
                apiKey: "",
                model: "m",
                dimensions: 2,
                prefix: "passage: "
            ),
            http: http,
            retrying: Retrying(),
            limiter: RateLimiter(maximumInFlight: 4, time: SystemTime()),
            log: LoopEnvironment.test(time: SystemTime()).log,
            profile: EmbeddingProfile()
        )
        _ = try await embedder.embed([Self.inputs[0]])[0].get()
        #expect(String(decoding: http.requests[0].body, as: UTF8.self).contains("\"passage: one\""))
    }

    @Test(arguments: [
        (#"{"error":{"message":"the reason","code":"c"}}"#, "c"),
        (#"{"error":"the reason","error_type":"Validation"}"#, "Validation"),
        (#"{"object":"error","message":"the reason","type":"BadRequestError","code":400}"#, "400"),
        (#"{"detail":"the reason"}"#, ""), (#"{"detail":[{"loc":["body"],"msg":"the reason"}]}"#, ""),
        (#"[{"error":{"code":400,"message":"the reason","status":"INVALID_ARGUMENT"}}]"#, ""), ("the reason", ""),
    ])
    func everyShapeOfErrorIsRead(_ body: String, _ code: String) {
        let error = EmbeddingError(HTTPResponse(status: 400, body: Array(body.utf8)))
        #expect(error.message == "the reason", "\(body)")
        if !code.isEmpty { #expect(error.code == code) }
    }

    @Test func aRefusalNeverBringsTheDocumentsText() {
        let secret = "the salary of the keeper is ninety pounds a year"
        let body = #"{"error":{"message":"Invalid input: '"# + secret + #"' cannot be embedded"}}"#
        let error = EmbeddingError(
            HTTPResponse(status: 400, body: Array(body.utf8)),
            inputs: ["about: " + secret + "."]
        )
        #expect(error.message.hasPrefix("Invalid input") && !error.message.contains("salary"), "\(error.message)")
    }

    @Test(arguments: [
        #"{"data":[{"embedding":[1,0]},{"embedding":[0,1]}]}"#,
        #"{"data":[{"embedding":[1,0]},{"index":1,"embedding":[0,1]}]}"#,
        #"{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[0,1]}]}"#,
        "\u{FEFF}" + #"{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}]}"#,
    ])
    func oddAnswersThatCanBeUnderstoodAre(_ body: String) async throws {
        let http = ScriptedHTTPClient { _, _ in HTTPResponse(status: 200, body: Array(body.utf8)) }
        let vectors = try await embedder(http).embed(Array(Self.inputs.prefix(2))).map { try $0.get().vector }
        #expect(vectors == [[1, 0], [0, 1]])
    }
}
