import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing

/// The endpoint that an orchestrator judges a task by.
@Suite struct HealthServerTests {
    private let server: HealthServer

    init() throws {
        let log = LoopEnvironment.test(time: SystemTime()).log
        server = try HealthServer(host: "127.0.0.1", port: 0, isExact: true, log: log) { path in
            path == "/large"
                ? (200, String(repeating: "x", count: 4 << 20)) : path == "/nothing" ? (404, "") : (200, path)
        }
        server.start()
    }

    private func connected() -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return client
    }

    private func get(_ path: String, _ query: [(name: String, value: String)] = []) async throws -> HTTPResponse {
        let endpoint = Endpoint(isSecure: false, host: "127.0.0.1", port: Int(server.port))
        return try await CurlTransport().execute(HTTPRequest("GET", endpoint, path: path, query: query))
    }

    /// Sends `parts` one after the other, and returns all that comes back. On a thread: the endpoint waits 2 s for a request.
    private func raw(_ parts: [String]) async throws -> String {
        let client = connected()
        defer { close(client) }
        return try await BlockingCall.run { _ in
            for part in parts {
                _ = part.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
                usleep(30_000)
            }
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(client, &buffer, buffer.count, 0)
                guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
                answer += buffer[..<count]
            }
        }
    }

    /// More than the endpoint keeps: the oldest make room.
    @Test func silentConnectionsHoldUpNoOther() async throws {
        let idle = (0..<200).map { _ in connected() }
        defer { for client in idle { close(client) } }
        let clock = ContinuousClock()
        let took = try await clock.measure { () async throws in
            for _ in 0..<5 { #expect(try await get("/live").status == 200) }
        }
        // One after the other, the silent ones would take 2 s each: 400 s.
        #expect(took < .seconds(300), "five requests took \(took)")
    }

    @Test func aSilentConnectionIsClosedAtItsDeadline() async throws {
        #expect(try await raw(["GET /live HTTP/1.1\r\nHost: a\r\n"]) == "")
    }

    @Test func aRequestMayComeInPieces() async throws {
        let answer = try await raw(["GET /li", "ve?probe=1 HTTP/1.1\r\n", "Host: a\r\n", "\r\n"])
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n/live"), "\(answer)")
    }

    @Test func answersAreWholeHoweverLong() async throws {
        #expect(try await get("/large").body.count == 4 << 20)
    }

    @Test func aQueryIsNoPartOfThePathAndMethodsAndFormsAreChecked() async throws {
        #expect(try await get("/metrics", [("x", "1")]).body == Array("/metrics".utf8))
        #expect(try await raw(["POST /live HTTP/1.1\r\n\r\n"]).hasPrefix("HTTP/1.1 405 Method Not Allowed"))
        #expect(try await raw(["strange-request\r\n\r\n"]).hasPrefix("HTTP/1.1 400 Bad Request"))
        #expect(try await raw(["GET /nothing HTTP/1.1\r\n\r\n"]).hasPrefix("HTTP/1.1 404 Not Found"))
        #expect(try await raw(["HEAD /live HTTP/1.1\r\n\r\n"]).hasSuffix("\r\n\r\n"))
        #expect(try await raw([String(repeating: "a", count: 9000)]).hasPrefix("HTTP/1.1 431"))
    }
}
