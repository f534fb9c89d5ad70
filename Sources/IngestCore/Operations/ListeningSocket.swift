import Glibc
import Resilience

/// A TCP socket that listens on an address of this machine, without blocking. Owns its descriptor.
package final class ListeningSocket: Sendable {
    package let descriptor: Int32
    package let port: UInt16

    /// - Parameters:
    ///   - port: 0 takes any.
    ///   - isExact: without it a port that is taken is replaced by a free one.
    ///   - what: for the message of a failure: what cannot listen, and what to do.
    package init(host: String, port: UInt16, isExact: Bool, _ what: (name: String, remedy: String)) throws(Failure) {
        var (socket, code) = Self.listening(host, port)
        if code == EADDRINUSE, !isExact { (socket, code) = Self.listening(host, 0) }
        guard code == 0 else {
            throw .fleet(
                "\(what.name) cannot listen on \(host):\(port): \(String(cString: strerror(code))) (\(what.remedy))"
            )
        }
        descriptor = socket
        self.port = Self.port(of: socket)
    }

    deinit { close(descriptor) }

    private static func port(of socket: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Or why there is none. A port that another process is about to listen on can still be bound: both are one step here.
    private static func listening(_ host: String, _ port: UInt16) -> (socket: Int32, code: Int32) {
        let socket = Glibc.socket(
            AF_INET,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
            0
        )
        guard socket >= 0 else { return (-1, errno) }
        let code = bind(socket, host, port)
        guard code == 0, listen(socket, 128) == 0 else {
            defer { close(socket) }
            return (-1, code == 0 ? errno : code)
        }
        return (socket, 0)
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
}
