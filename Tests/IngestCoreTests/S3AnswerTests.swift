import AsyncPrimitives
import ExtractionWire
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// What S3 and its proxies really answer.
@Suite struct S3AnswerTests {
    static let object = ObjectReference(bucket: "docs", key: "a/b.txt")

    private func store(_ answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse) -> S3ObjectStore {
        let time = VirtualTime()
        let http = ScriptedHTTPClient { request, _ in
            let response = answer(request)
            if let sink = request.sink, response.isSuccess {
                _ = sink.begin(response.headers)
                _ = response.body.withUnsafeBytes { sink.write($0) }
            }
            return response
        }
        return testStore(http, time: time)
    }

    private static func error(_ status: Int, _ code: String, _ message: String = "") -> HTTPResponse {
        let body = "<Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
        return HTTPResponse(status: status, body: Array(body.utf8))
    }

    private func failure(_ response: HTTPResponse) async -> Failure? {
        do {
            _ = try await store { _ in response }.read(Self.object, unless: nil)
            return nil
        } catch {
            return Failure(error)
        }
    }

    @Test func onlyNoSuchKeyIsADeletion() async throws {
        let gone = try await store { _ in Self.error(404, "NoSuchKey") }.read(Self.object, unless: nil)
        guard case .missing = gone else { return _ = Issue.record("not missing") }
        for body in ["404 page not found", "<html><body>404</body></html>", ""] {
            let page = HTTPResponse(status: 404, body: Array(body.utf8))
            let found = await failure(page)
            #expect(found?.kind == "transient" && found?.dependency == .bucket("docs"), "\(body): \(found as Any)")
            await #expect(throws: Failure.self) { _ = try await store { _ in page }.readBytes(Self.object, maximum: 9) }
            await #expect(throws: Failure.self) { try await store { _ in page }.delete(Self.object) }
        }
    }

    @Test(arguments: [
        (400, "InvalidRequest", "forbidden"), (400, "KMS.DisabledException", "forbidden"),
        (400, "KMS.KMSInvalidStateException", "forbidden"), (403, "AccessDenied", "forbidden"),
        (403, "InvalidObjectState", "archived"), (409, "OperationAborted", "forbidden"),
    ])
    func aRefusalOfOneObjectIsThatObjects(_ status: Int, _ code: String, _ reason: String) async {
        guard case .document(let rejection) = await failure(Self.error(status, code, "encrypted")) else {
            return _ = Issue.record("not the object's")
        }
        #expect(rejection.code.name == reason)
    }

    @Test func aProxysRefusalIsNotTheObjects() async {
        for status in [302, 400, 403, 405, 421, 502, 503] {
            let found = await failure(HTTPResponse(status: status, body: Array("<html>no</html>".utf8)))
            #expect(found?.dependency == .bucket("docs"), "\(status): \(found as Any)")
        }
        let page = HTTPResponse(
            status: 200,
            headers: HTTPHeaders([("content-type", "text/html")]),
            body: Array("<html>".utf8)
        )
        #expect(await failure(page)?.dependency == .bucket("docs"), "a page with status 200 is no document")
        await #expect(throws: Failure.self) { try await store { _ in page }.write(Self.object, [1]) }
    }

    @Test func withoutAnETagTheContentIsUnknown() async throws {
        let headers = HTTPHeaders([("x-amz-request-id", "1"), ("content-length", "2")])
        let read = try await store { _ in HTTPResponse(status: 200, headers: headers, body: Array("hi".utf8)) }
            .read(Self.object, unless: nil)
        guard case .object(let stored) = read else { return _ = Issue.record("no object") }
        #expect(stored.etag.isEmpty && Content(etag: stored.etag) == .unknown)
        let record = DocumentRecord(tenant: "t", object: Self.object, index: "i", created: Timestamp(milliseconds: 0))
            .reserving(.unknown, chunkCount: 1)
        #expect(!record.knows(Content(etag: "")), "never taken for unchanged")
    }

    @Test(arguments: [301, 307, 400]) func theRegionThatAnAnswerNamesIsUsed(_ status: Int) async throws {
        let store = store { request in
            let authorization = request.headers.first { $0.name == "authorization" }?.value ?? ""
            if authorization.contains("/eu-west-1/s3/") {
                let headers = HTTPHeaders([("etag", "\"e\""), ("content-length", "2")])
                return HTTPResponse(status: 200, headers: headers, body: Array("hi".utf8))
            }
            let moved = HTTPHeaders([("x-amz-bucket-region", "eu-west-1")])
            let code = status == 400 ? "AuthorizationHeaderMalformed" : "PermanentRedirect"
            return HTTPResponse(status: status, headers: moved, body: Self.error(status, code).body)
        }
        guard case .object = try await store.read(Self.object, unless: nil) else {
            return _ = Issue.record("no object")
        }
    }

    @Test func aRegionThatIsNoNameIsNotFollowed() async {
        let headers = HTTPHeaders([("x-amz-bucket-region", "evil.example/")])
        let found = await failure(
            HTTPResponse(status: 301, headers: headers, body: Self.error(301, "PermanentRedirect").body)
        )
        #expect(found?.dependency == .bucket("docs"))
    }

    /// The probe looks at other objects, and does not take the refused one for evidence.
    @Test func theBucketsProbeReadsAnother() async throws {
        let listing =
            "<ListBucketResult><Contents><Key>a/b.txt</Key><Size>1</Size></Contents><Contents><Key>a/c.txt</Key><Size>1</Size></Contents></ListBucketResult>"
        let isBroken = LockedValue(false)
        let store = store { request in
            if request.query.contains(where: { $0.name == "list-type" }) {
                return HTTPResponse(status: 200, body: Array(listing.utf8))
            }
            if request.path.hasSuffix("b.txt") || isBroken.withLock({ $0 }) { return Self.error(403, "AccessDenied") }
            return HTTPResponse(status: 206, headers: HTTPHeaders([("etag", "\"x\"")]), body: [1])
        }
        try await store.probe(bucket: "docs", avoiding: Self.object)
        isBroken.withLock { $0 = true }
        await #expect(throws: (any Error).self) { try await store.probe(bucket: "docs", avoiding: Self.object) }
    }
}
