import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing

/// Signatures beside a second implementation, and on the wire.
@Suite struct SigningTests {
    private struct Case: Decodable {
        var service: String
        var region: String
        var method: String
        var origin: String
        var path: String
        var query: [[String]]
        var headers: [[String]]
        var body: String
        var token: String?
        var expected: String
    }

    private static let casesPath = ProcessInfo.processInfo.environment["SIGNING_CASES"]

    @Test(.enabled(if: casesPath != nil, "SIGNING_CASES is not set: 'make test' sets it"))
    func equalsBotocore() throws {
        let lines = try Data(contentsOf: URL(fileURLWithPath: #require(Self.casesPath))).split(separator: 0x0A)
        #expect(lines.count >= 10_000)
        let time = try #require(Timestamp(iso8601: "2026-02-28T23:59:58Z"))
        var different: [String] = []
        for line in lines {
            let item = try JSONDecoder().decode(Case.self, from: line)
            var request = HTTPRequest(item.method, try #require(Endpoint(item.origin)), path: item.path)
            request.query = item.query.map { ($0[0], $0[1]) }
            request.headers = item.headers.map { ($0[0], $0[1]) }
            request.body = Array(item.body.utf8)
            let keys = Credentials(
                accessKeyID: "AKIDEXAMPLE",
                secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                sessionToken: item.token
            )
            let signer = SigV4Signer(service: item.service, region: item.region)
            let found = signer.sign(request, with: keys, at: time).headers.last { $0.name == "authorization" }?.value
            if found != item.expected { different.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(different.isEmpty, "\(different.count) of \(lines.count) differ, first \(different.first ?? "")")
    }

    @Test(
        arguments: ["GET", "PUT", "POST", "DELETE", "HEAD"],
        ["/b/plain", "/b/a//b", "/b/a/./b", "/b/a/../../c", "/b/a%20b%2Fc", "/b/%E6%97%A5%F0%9F%98%80", "/~"]
    )
    func theWireCarriesWhatWasSigned(_ method: String, _ path: String) async throws {
        let server = try LoopbackServer()
        let endpoint = Endpoint(isSecure: false, host: "127.0.0.1", port: server.port)
        var request = HTTPRequest(method, endpoint, path: path)
        request.query = [("list-type", "2"), ("prefix", "a b/ü"), ("empty", "")]
        request.headers = [("content-type", "text/x"), ("x-amz-meta-a", "in  ner"), ("amz-sdk-request", "attempt=1")]
        if method == "PUT" || method == "POST" { request.body = Array("body ü".utf8) }
        let keys = Credentials(accessKeyID: "AKID", secretAccessKey: "secret", sessionToken: "to/ken==")
        let signer = SigV4Signer(service: "s3", region: "us-east-1")
        let time = Timestamp(milliseconds: 1_700_000_000_000)
        let signed = signer.sign(request, with: keys, at: time)
        let seen = server.one()
        let transport = CurlTransport()
        _ = try await transport.execute(signed)
        let received = try await seen.value()

        #expect(received.line == "\(method) \(request.target) HTTP/1.1")
        let names = received.headers.map { $0.name.lowercased() }
        #expect(Set(names).count == names.count, "no header twice: \(names)")
        #expect(Set(names).isDisjoint(with: ["expect", "accept", "transfer-encoding", "user-agent"]))
        #expect(received.body == request.body)
        // A signature made of what arrived is the one that arrived.
        var arrived = request
        arrived.headers = received.headers.filter {
            !["authorization", "content-length"].contains($0.name.lowercased())
        }
        let again = signer.sign(arrived, with: keys, at: time)
        #expect(received.header("authorization") == again.headers.last { $0.name == "authorization" }?.value)
        #expect(received.header("host") == "127.0.0.1:\(server.port)")
    }
}
