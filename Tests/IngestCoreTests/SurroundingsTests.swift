import AsyncPrimitives
import ExtractionWire
import Foundation
import Glibc
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing

/// Sockets, threads and children on bad days.
@Suite struct SurroundingsTests {
    /// A server that drops packets: its backlog is full, so that the kernel answers no further connection.
    @Test func aServerThatDropsPacketsIsUnreachable() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var fillers: [Int32] = []
        defer { for filler in fillers { close(filler) } }
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length) | listen(listener, 0) | getsockname(listener, $0, &length)
                for _ in 0..<4 {
                    let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                    _ = connect(filler, $0, length)
                    fillers.append(filler)
                }
            }
        }
        let endpoint = Endpoint(isSecure: false, host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
        let transport = CurlTransport()
        var request = HTTPRequest("GET", endpoint, path: "/")
        request.connectTimeout = .milliseconds(300)
        await #expect { _ = try await transport.execute(request) } throws: { ($0 as? HTTPError)?.kind == .unreachable }
    }

    @Test func aServerThatDoesNotAnswerIsATimeout() async throws {
        let server = try LoopbackServer()
        let transport = CurlTransport()
        var request = HTTPRequest("GET", Endpoint(isSecure: false, host: "127.0.0.1", port: server.port), path: "/")
        request.timeout = .milliseconds(300)
        await #expect { _ = try await transport.execute(request) } throws: { ($0 as? HTTPError)?.kind == .timeout }
    }

    /// A queue whose first extension takes long.
    private struct SlowQueue: MessageQueue {
        let queue: InMemoryQueue
        let time: VirtualTime
        let calls = LockedValue(0)

        func receive(maximum: Int, wait: Duration) async throws -> [Delivery] {
            try await queue.receive(maximum: maximum, wait: wait)
        }
        func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>] { try await queue.delete(receipts) }
        func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            if number == 1 { try await time.sleep(for: .seconds(40)) }
            return try await queue.setVisibility(receipts, timeout)
        }
        func send(_ message: OutgoingMessage) async throws { try await queue.send(message) }
        func attributes() async throws -> QueueAttributes { try await queue.attributes() }
    }

    @Test func oneSlowExtensionDoesNotLetTheOthersExpire() async throws {
        let time = VirtualTime()
        let queue = InMemoryQueue(time: time, timeout: .seconds(30))
        for number in 0..<25 { try await queue.send(OutgoingMessage(body: "\(number)")) }
        let loop = WorkLoop(
            queue: SlowQueue(queue: queue, time: time),
            deadLetters: InMemoryQueue(time: time),
            settings: .init(concurrency: 25, exitWhenIdle: .seconds(3), visibilityTimeout: .seconds(30)),
            shutdown: Shutdown(),
            environment: LoopEnvironment.test(time: time),
            handler: WorkLoop.Handler { _ in
                try? await time.sleep(for: .seconds(120))
                return .done
            }
        )
        await time.flowing { await loop.run() }
        #expect(queue.messages.isEmpty && queue.largestReceiveCount == 1, "received \(queue.largestReceiveCount) times")
    }

    @Test func aCancelledJobFreesItsExtractor() async throws {
        let settings = ExtractorPool.Settings(
            path: "/bin/sleep",
            children: 1,
            memoryBytes: 1 << 30,
            deadline: .seconds(600),
            limits: ExtractionLimits(),
            isSandboxed: false
        )
        // `sleep` does not understand its arguments and ends, or would keep the lane for ten minutes: either way the second job is served.
        let pool = ExtractorPool(settings)
        let object = StoredObject(file: try TemporaryFile(folder: "/tmp"), bytes: 0, etag: "e")
        let first = Task { try await pool.extract(object, hints: ExtractionHints(), tenant: "t") }
        try await Task.sleep(for: .milliseconds(100))
        first.cancel()
        await #expect(throws: (any Error).self) { try await first.value }
        await #expect(throws: (any Error).self) {
            try await pool.extract(object, hints: ExtractionHints(), tenant: "t")
        }
    }
}
