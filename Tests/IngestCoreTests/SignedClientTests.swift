import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing

/// What a second signature can correct, and what it cannot.
@Suite struct SignedClientTests {
    let time = VirtualTime(start: Timestamp(milliseconds: 1_700_000_000_000))

    private struct Keys: CredentialProvider {
        let calls = LockedValue(0)

        func credentials() async throws -> Credentials {
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            let expiration = Timestamp(milliseconds: 1_900_000_000_000)
            return Credentials(accessKeyID: "KEY\(number)", secretAccessKey: "s", expiration: expiration)
        }
    }

    private func client(_ http: ScriptedHTTPClient) -> SignedClient {
        SignedClient(
            signer: SigV4Signer(service: "sqs", region: "us-east-1"),
            http: http,
            credentials: CachedCredentials(Keys(), time: time),
            clock: ServerClock(),
            time: time
        )
    }

    private static let request = HTTPRequest("POST", Endpoint(isSecure: true, host: "sqs.example"), path: "/")

    private static func refusal(_ code: String, date: String, age: String? = nil) -> HTTPResponse {
        let headers = HTTPHeaders([("Date", date)] + (age.map { [("Age", $0)] } ?? []))
        return HTTPResponse(status: 403, headers: headers, body: Array(#"{"__type":"\#(code)"}"#.utf8))
    }

    private static func date(_ request: HTTPRequest) -> String {
        request.headers.first { $0.name == "x-amz-date" }?.value ?? ""
    }

    // The virtual clock begins at 2023-11-14T22:13:20Z.
    private static let now = "Tue, 14 Nov 2023 22:13:20 GMT"
    private static let hourLater = "Tue, 14 Nov 2023 23:13:20 GMT"

    @Test(arguments: ["SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSignatureException", "RequestExpired"])
    func aWrongClockIsCorrectedOnceAndRemembered(_ code: String) async throws {
        let http = ScriptedHTTPClient { request, _ in
            Self.date(request) == "20231114T231320Z"
                ? HTTPResponse(status: 200) : Self.refusal(code, date: Self.hourLater)
        }
        let client = client(http)
        for _ in 0..<3 { #expect(try await client.execute(Self.request).response.isSuccess) }
        #expect(http.requests.map(Self.date) == ["20231114T221320Z"] + Array(repeating: "20231114T231320Z", count: 3))
    }

    @Test func aWrongSecretIsNotTriedAgain() async throws {
        let http = ScriptedHTTPClient { _, _ in Self.refusal("SignatureDoesNotMatch", date: Self.now) }
        let (response, signatureRejection) = try await client(http).execute(Self.request)
        #expect(response.status == 403 && signatureRejection == .signature && http.requests.count == 1)
    }

    @Test func aWrongSecretWithAWrongClockIsTriedOnce() async throws {
        let http = ScriptedHTTPClient { _, _ in Self.refusal("SignatureDoesNotMatch", date: Self.hourLater) }
        #expect(try await client(http).execute(Self.request).signatureRejection == .signature)
        #expect(http.requests.count == 2)
    }

    @Test func aCachesDateSaysNothing() async throws {
        let http = ScriptedHTTPClient { _, _ in Self.refusal("RequestTimeTooSkewed", date: Self.hourLater, age: "3600")
        }
        #expect(try await client(http).execute(Self.request).signatureRejection == .clock)
        #expect(http.requests.count == 1)
    }

    @Test(arguments: ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"])
    func expiredKeysAreRenewedOnce(_ code: String) async throws {
        let http = ScriptedHTTPClient { request, _ in
            let isNew = request.headers.contains { $0.value.contains("Credential=KEY2/") }
            return isNew ? HTTPResponse(status: 200) : Self.refusal(code, date: Self.now)
        }
        #expect(try await client(http).execute(Self.request).response.isSuccess)
        let never = ScriptedHTTPClient { _, _ in Self.refusal(code, date: Self.now) }
        #expect(try await client(never).execute(Self.request).signatureRejection == .credentials)
        #expect(never.requests.count == 2)
    }

    @Test func aServerThatNeverAnswersIsATimeout() async throws {
        let server = try LoopbackServer()  // accepts the connection and reads nothing
        var request = HTTPRequest("GET", Endpoint(isSecure: false, host: "127.0.0.1", port: server.port), path: "/")
        request.timeout = .milliseconds(200)
        let transport = CurlTransport()
        await #expect { try await transport.execute(request) } throws: { ($0 as? HTTPError)?.kind == .timeout }
    }
}
