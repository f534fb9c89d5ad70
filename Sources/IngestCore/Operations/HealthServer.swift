import AsyncPrimitives
import CPlatform
import Glibc
import Observability
import Resilience

/// A minimal HTTP server on a thread of its own: `/live`, `/ready`, `/metrics`. It responds while everything else is
/// stuck, and many connections that say nothing hold up no other.
///
/// Unchecked: connections belong to the thread.
package final class HealthServer: @unchecked Sendable {
    /// Where it listens.
    package var port: UInt16 { socket.port }
    private let socket: ListeningSocket
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
        socket = try ListeningSocket(
            host: host,
            port: port,
            isExact: isExact,
            ("the health endpoint", "set HEALTH_PORT to a free port, or leave it out")
        )
    }

    package func start() {
        DetachedThread.start { self.serve() }
    }

    private func serve() {
        var connections: [HealthConnection] = []
        while true {
            var entries = [pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)]
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
            let descriptor = platform_accept(socket.descriptor)
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
