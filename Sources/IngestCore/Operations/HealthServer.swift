import AsyncPrimitives
import CPlatform
import Glibc
import Observability
import Resilience

/// A minimal HTTP server on a thread of its own: `/live`, `/ready`, `/metrics`. It responds while everything else is
/// stuck, and many connections that say nothing hold up no other.
///
/// Unchecked: the socket belongs to the thread once it runs.
package final class HealthServer: @unchecked Sendable {
    /// Where it listens.
    package let port: UInt16
    private let socket: Int32
    private let log: Log
    private let respond: @Sendable (_ path: String) -> (status: Int, body: String)
    private static let maximumConnections = 128
    /// For one request and its response.
    private static let deadline = Duration.seconds(2)

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
        socket = Glibc.socket(
            AF_INET,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
            0
        )
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
        var connections: [HealthConnection] = []
        while true {
            var entries = [pollfd(fd: socket, events: Int16(POLLIN), revents: 0)]
            entries += connections.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
            // Deadlines are looked at once a second.
            _ = poll(&entries, nfds_t(entries.count), 1000)
            let now = ContinuousClock.now
            for (connection, entry) in zip(connections, entries.dropFirst()) where entry.revents != 0 {
                connection.advance(respond)
            }
            connections.removeAll { $0.isOver || $0.deadline < now }
            guard entries[0].revents != 0 else { continue }
            while let accepted = accept() {
                // The oldest has had the most time.
                if connections.count == Self.maximumConnections { connections.removeFirst() }
                connections.append(accepted)
            }
        }
    }

    private func accept() -> HealthConnection? {
        while true {
            let descriptor = platform_accept(socket)
            if descriptor >= 0 { return HealthConnection(descriptor, deadline: .now + Self.deadline) }
            if descriptor == -ECONNABORTED || descriptor == -EINTR { continue }
            guard descriptor != -EAGAIN else { return nil }
            // Out of descriptors or memory for a while: an endpoint that ends here would get a healthy task killed.
            log.warning(
                "the health endpoint cannot accept a connection",
                ["error": String(cString: strerror(-descriptor))]
            )
            usleep(100_000)
            return nil
        }
    }
}
