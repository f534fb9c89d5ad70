import AsyncPrimitives
import CPlatform
import Glibc
import Observability
import Resilience

/// A minimal HTTP server on a thread of its own: `/live`, `/ready`, `/metrics`. It responds while everything else is stuck.
///
/// Unchecked: the socket belongs to the thread once it runs.
package final class HealthServer: @unchecked Sendable {
    /// Where it listens.
    package let port: UInt16
    private let socket: Int32
    private let log: Log
    private let respond: @Sendable (_ path: String) -> (status: Int, body: String)

    /// - Parameters:
    ///   - port: the requested port; 0 takes any.
    ///   - isExact: without it a port that is taken is replaced by a free one, so that two workers share a host.
    package init(
        host: String,
        port: UInt16,
        isExact: Bool,
        log: Log,
        respond: @escaping @Sendable (_ path: String) -> (status: Int, body: String)
    ) throws(Failure) {
        self.respond = respond
        self.log = log
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var code = Self.bind(socket, host, port)
        if code == EADDRINUSE, !isExact { code = Self.bind(socket, host, 0) }
        if code == 0, listen(socket, 128) != 0 { code = errno }
        guard code == 0 else {
            close(socket)
            throw .fleet(
                "the health endpoint cannot listen on \(host):\(port): \(String(cString: strerror(code))) (set HEALTH_PORT to a free port, or leave it out)"
            )
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { [socket] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        self.port = UInt16(bigEndian: address.sin_port)
    }

    private static func bind(_ socket: Int32, _ host: String, _ port: UInt16) -> Int32 {
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return EINVAL }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return code == 0 ? 0 : errno
    }

    package func start() {
        DetachedThread.start { self.serve() }
    }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            if connection < 0 {
                let code = errno
                if code == EINTR || code == ECONNABORTED { continue }
                // Out of descriptors or memory for a while: an endpoint that ends here would get a healthy task killed.
                log.warning(
                    "the health endpoint cannot accept a connection",
                    ["error": String(cString: strerror(code))]
                )
                usleep(100_000)
                continue
            }
            // A connection that says nothing must not hold up the next.
            DetachedThread.start { self.serve(connection) }
        }
    }

    private func serve(_ connection: Int32) {
        platform_limit_socket(connection, 2)
        respond(to: connection)
        close(connection)
    }

    private func respond(to connection: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &buffer, buffer.count, 0)
        guard count > 0 else { return }
        let line = String(decoding: buffer[..<count], as: UTF8.self).prefix { !$0.isNewline }
        let words = line.split(separator: " ")
        let (status, body) = words.count > 1 ? respond(String(words[1].prefix { $0 != "?" })) : (400, "bad request\n")
        let reason = status == 200 ? "OK" : status == 404 ? "Not Found" : "Service Unavailable"
        let head =
            "HTTP/1.1 \(status) \(reason)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        let bytes = Array((head + body).utf8)
        _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
