import AsyncPrimitives
import CPlatform
import Glibc
import IngestCore
import Resilience

/// A small HTTP server for a browser on this machine: one request a connection, pages from `respond`.
struct WebServer: Sendable {
    private let socket: ListeningSocket
    private static let maximumConnections = 32
    /// For a request to arrive, and for its response to leave.
    private static let timeout = 5
    private static let longestRequest = 16 << 10

    /// Scripts, frames, other hosts and inline styles have no place in these pages.
    private static let headers = [
        "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin",
        "Cross-Origin-Opener-Policy: same-origin", "Cache-Control: no-store", "Connection: close",
    ]

    init(port: UInt16) throws(Failure) {
        socket = try ListeningSocket(
            host: "127.0.0.1",
            port: port,
            isExact: true,
            ("the web view", "choose another --port")
        )
    }

    var port: UInt16 { socket.port }

    /// Serves until it is cancelled.
    func run(_ respond: @escaping @Sendable (WebRequest) async -> WebResponse) async throws {
        let connections = AsyncSemaphore(Self.maximumConnections)
        try await withThrowingTaskGroup(of: Void.self) { group in
            while true {
                try await connections.acquire()
                let (socket, port) = (socket, port)
                let descriptor = try await BlockingCall.run { isCancelled in
                    try Self.accept(socket, isCancelled)
                }
                group.addTask {
                    await Self.serve(Connection(descriptor: descriptor), port, respond)
                    connections.release()
                }
            }
        }
    }

    /// Owns its descriptor.
    private final class Connection: Sendable {
        let descriptor: Int32

        init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { close(descriptor) }
    }

    private static func accept(_ socket: ListeningSocket, _ isCancelled: () -> Bool) throws -> Int32 {
        while !isCancelled() {
            var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 500) > 0 else { continue }
            let descriptor = platform_accept(socket.descriptor)
            if descriptor >= 0 { return descriptor }
            usleep(50_000)
        }
        throw CancellationError()
    }

    private static func serve(
        _ connection: Connection,
        _ port: UInt16,
        _ respond: @Sendable (WebRequest) async -> WebResponse
    ) async {
        guard let head = try? await BlockingCall.run({ _ in read(connection) }) else { return }
        let response: WebResponse
        do throws(WebRequest.Refusal) {
            response = await respond(try WebRequest(head: head, port: port))
        } catch {
            response =
                switch error {
                case .malformed: WebResponse(status: 400, text: "bad request\n")
                case .method: WebResponse(status: 405, text: "only GET is answered\n")
                case .host: WebResponse(status: 421, text: "this is a page of 127.0.0.1 and localhost only\n")
                }
        }
        let bytes = response.bytes(headers)
        _ = try? await BlockingCall.run { _ in write(connection, bytes) }
    }

    /// Up to the blank line; what came until then where that is not reached.
    private static func read(_ connection: Connection) -> String {
        var (head, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
        let end = ContinuousClock.now + .seconds(timeout)
        while head.count < longestRequest, ContinuousClock.now < end {
            var entry = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 500) > 0 else { continue }
            let count = recv(connection.descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { break }
            head += buffer[..<count]
            if String(decoding: head.suffix(count + 3), as: UTF8.self).contains("\r\n\r\n") { break }
        }
        return String(decoding: head, as: UTF8.self)
    }

    private static func write(_ connection: Connection, _ bytes: [UInt8]) {
        var rest = bytes[...]
        let end = ContinuousClock.now + .seconds(timeout)
        while !rest.isEmpty, ContinuousClock.now < end {
            var entry = pollfd(fd: connection.descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 500) > 0 else { continue }
            let sent = rest.withUnsafeBytes {
                send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent < 0, errno == EAGAIN || errno == EINTR { continue }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }
}

/// What is sent to the browser.
struct WebResponse: Sendable {
    var status: Int
    var contentType: String
    var body: String

    init(status: Int, text: String) {
        self.status = status
        contentType = "text/plain; charset=utf-8"
        body = text
    }

    init(page: HTML, status: Int = 200) {
        self.status = status
        contentType = "text/html; charset=utf-8"
        body = page.source
    }

    init(style: String) {
        status = 200
        contentType = "text/css; charset=utf-8"
        body = style
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 421: "Misdirected Request",
        503: "Service Unavailable",
    ]

    func bytes(_ headers: [String]) -> [UInt8] {
        let lines =
            ["HTTP/1.1 \(status) \(Self.reasons[status] ?? "")", "Content-Type: \(contentType)"]
            + ["Content-Length: \(body.utf8.count)"] + headers + ["", body]
        return Array(lines.joined(separator: "\r\n").utf8)
    }
}
