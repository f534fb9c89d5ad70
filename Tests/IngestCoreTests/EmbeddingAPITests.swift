import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing
import TextCoding

/// What each provider is sent, and what is read of its answers.
@Suite struct EmbeddingAPITests {
    private func embedder(
        _ api: EmbeddingAPI,
        _ http: ScriptedHTTPClient,
        purpose: EmbeddingAPI.Purpose = .document,
        profile: EmbeddingProfile? = EmbeddingProfile()
    ) -> OpenAIEmbedder {
        var settings = OpenAIEmbedder.Settings(
            endpoint: Endpoint("https://provider.example/base")!,
            apiKey: "key",
            model: "a.model:0",
            dimensions: 2
        )
        (settings.api, settings.purpose) = (api, purpose)
        let time = SystemTime()
        return OpenAIEmbedder(
            settings,
            http: http,
            retrying: Retrying(policy: RetryPolicy(maximumAttempts: 2, base: .milliseconds(1)), time: time),
            limiter: RateLimiter(maximumInFlight: 4, time: time),
            log: LoopEnvironment.test(time: time).log,
            profile: profile
        )
    }

    private static func inputs(_ count: Int) -> [EmbeddingInput] {
        (0..<count).map { EmbeddingInput(text: "text \($0)", tokens: 2) }
    }

    private static func answer(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, body: Array(text.utf8))
    }

    private static func base64(_ vector: [Float]) -> String {
        Data(vector.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } }).base64EncodedString()
    }

    private func body(_ request: HTTPRequest) throws -> JSONValue { try #require(JSONValue(parsing: request.body)) }

    @Test(arguments: [(EmbeddingAPI.Purpose.document, "document"), (.question, "query")])
    func voyageGetsWhatTextsAreFor(_ purpose: EmbeddingAPI.Purpose, _ name: String) async throws {
        let data = "{\"object\":\"embedding\",\"embedding\":\"\(Self.base64([0, 3]))\",\"index\":0}"
        let http = ScriptedHTTPClient { _, _ in
            Self.answer("{\"object\":\"list\",\"data\":[\(data)],\"usage\":{\"total_tokens\":2}}")
        }
        let vector = try await embedder(.voyage, http, purpose: purpose).embed(Self.inputs(1))[0].get().vector
        #expect(vector == [0, 1])
        let sent = http.requests[0]
        #expect(sent.url == "https://provider.example/base/embeddings")
        #expect(sent.headers.contains { $0 == ("authorization", "Bearer key") })
        let body = try body(sent)
        #expect(body["input_type"]?.text == name && body["output_dimension"] == .number(2) && body["dimensions"] == nil)
        #expect(body["truncation"] == .bool(false) && body["encoding_format"]?.text == "base64")
    }

    @Test(arguments: [EmbeddingAPI.cohere, .bedrockCohere], [true, false])
    func cohereAnswersByTypeOrAsAList(_ api: EmbeddingAPI, _ isTyped: Bool) async throws {
        let vectors = "[[3, 4], [0, 2]]"
        let http = ScriptedHTTPClient { _, _ in
            Self.answer(
                "{\"id\":\"x\",\"embeddings\":\(isTyped ? "{\"float\":\(vectors)}" : vectors),\"texts\":[\"a\",\"b\"]}"
            )
        }
        let profile = EmbeddingProfile(sendsBase64: false)
        let found = try await embedder(api, http, profile: profile).embed(Self.inputs(2)).map { try $0.get().vector }
        #expect(found == [[0.6, 0.8], [0, 1]])
        let body = try body(http.requests[0])
        #expect(
            body["texts"]?.items.count == 2 && body["input_type"]?.text == "search_document"
                && body["truncate"]?.text == "NONE"
        )
        #expect(body["embedding_types"]?.items.first?.text == "float" && (body["model"] != nil) == (api == .cohere))
        let path = api == .cohere ? "/base/embed" : "/base/model/a.model%3A0/invoke"
        #expect(http.requests[0].url == "https://provider.example" + path)
        #expect(
            http.requests[0].headers.contains { $0.name == "authorization" } == (api == .cohere),
            "the signature is the client's"
        )
    }

    @Test func cohereAnswersInBase64() async throws {
        let http = ScriptedHTTPClient { _, _ in
            Self.answer("{\"embeddings\":{\"base64\":[\"\(Self.base64([2, 0]))\"]}}")
        }
        #expect(try await embedder(.cohere, http).embed(Self.inputs(1))[0].get().vector == [1, 0])
        #expect(try body(http.requests[0])["embedding_types"]?.items.first?.text == "base64")
    }

    /// 96 texts a request for Cohere, one for Titan.
    @Test(arguments: [(EmbeddingAPI.cohere, [96, 96, 8]), (.bedrockCohere, [96, 96, 8]), (.voyage, [128, 72])])
    func requestsHaveNoMoreTextsThanTheProviderTakes(_ api: EmbeddingAPI, _ sizes: [Int]) async throws {
        let http = ScriptedHTTPClient { request, _ in
            let body = JSONValue(parsing: request.body)
            let count = (body?["texts"] ?? body?["input"])?.items.count ?? 0
            let list = [String](repeating: "[1, 0]", count: count)
            return api == .voyage
                ? Self.answer(
                    "{\"data\":[\(list.enumerated().map { "{\"index\":\($0),\"embedding\":\($1)}" }.joined(separator: ","))]}"
                )
                : Self.answer("{\"embeddings\":{\"float\":[\(list.joined(separator: ","))]}}")
        }
        let found = await embedder(api, http).embed(Self.inputs(200))
        #expect(found.count == 200 && found.allSatisfy { (try? $0.get().vector) == [1, 0] })
        #expect(try http.requests.map { (try body($0)["texts"] ?? body($0)["input"])?.items.count } == sizes)
    }

    @Test func titanTakesOneTextAndLearnsItsParameters() async throws {
        let http = ScriptedHTTPClient { request, _ in
            let text = String(decoding: request.body, as: UTF8.self)
            // The first generation knows the text alone.
            if text.contains("dimensions") {
                return Self.answer(
                    "{\"message\":\"Malformed input request: extraneous key [dimensions] is not permitted\"}",
                    status: 400
                )
            }
            return Self.answer(
                text.contains("text 1")
                    ? "{\"embedding\":[0,5],\"inputTextTokenCount\":2}"
                    : "{\"embedding\":[1,0],\"embeddingsByType\":{\"float\":[1,0]}}"
            )
        }
        let found = try await embedder(.titan, http, profile: nil).embed(Self.inputs(3)).map { try $0.get().vector }
        #expect(found == [[1, 0], [0, 1], [1, 0]])
        #expect(http.requests.allSatisfy { $0.url == "https://provider.example/base/model/a.model%3A0/invoke" })
        #expect(try http.requests.suffix(3).map { try body($0)["inputText"]?.text } == ["text 0", "text 1", "text 2"])
    }

    @Test(arguments: [
        (EmbeddingAPI.voyage, 401, #"{"detail":"Provided API key is invalid."}"#, "fleet"),
        (.cohere, 401, #"{"message":"invalid api token"}"#, "fleet"),
        (.titan, 403, #"{"message":"User is not authorized to perform: bedrock:InvokeModel"}"#, "fleet"),
        (.titan, 429, #"{"message":"Too many requests, please wait before trying again."}"#, "throttled"),
        (.cohere, 429, #"{"message":"trial token rate limit exceeded"}"#, "throttled"),
        (.bedrockCohere, 503, #"{"message":"Bedrock is unable to process your request."}"#, "transient"),
        (.voyage, 200, #"{"data":[]}"#, "fleet"), (.cohere, 200, #"{"embeddings":{"int8":[[1,2]]}}"#, "fleet"),
        (.titan, 200, #"{"embedding":"no"}"#, "fleet"),
    ])
    func answersWithoutVectorsAreTheProvidersFault(_ api: EmbeddingAPI, _ status: Int, _ text: String, _ kind: String)
        async
    {
        let http = ScriptedHTTPClient { _, _ in Self.answer(text, status: status) }
        let result = await embedder(api, http).embed(Self.inputs(1))[0]
        guard case .failure(let error) = result else { return _ = Issue.record("a vector") }
        #expect(Failure(error).kind == kind, "\(Failure(error).summary)")
    }

    @Test func theModelSaysWhoseRequestBedrockGets() {
        #expect(EmbeddingAPI(setting: "bedrock", model: "amazon.titan-embed-text-v2:0") == .titan)
        #expect(EmbeddingAPI(setting: "bedrock", model: "cohere.embed-multilingual-v3") == .bedrockCohere)
        #expect(EmbeddingAPI(setting: "bedrock", model: "us.cohere.embed-v4:0") == .bedrockCohere)
        #expect(EmbeddingAPI(setting: "voyage", model: "voyage-3.5") == .voyage)
        #expect(
            EmbeddingAPI.titan.address(region: "eu-central-1") == "https://bedrock-runtime.eu-central-1.amazonaws.com"
        )
    }
}
