import AsyncPrimitives
import Foundation
import Glibc
import IngestCore

/// A socket that takes requests and shows their bytes.
package final class LoopbackServer: Sendable {
    package struct Received: Sendable {
        package var line: String
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]

        package func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
    }

    package struct Broken: Error {}

    package let port: Int
    private let descriptor: Int32

    package init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | listen(descriptor, 64) | getsockname(descriptor, $0, &length)
            }
        }
        guard code == 0 else { throw Broken() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    /// Takes one request and answers it with `answer`, then closes.
    /// Takes one request, from now on: on a thread of its own, as accepting blocks, and as tests that compute may hold all threads of the pool.
    package func one(
        answering answer: String = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ) -> Promise<Received> {
        let promise = Promise<Received>()
        Thread.detachNewThread { [self] in promise.fulfil(Result { try serve(answer) }) }
        return promise
    }

    private func serve(_ answer: String) throws -> Received {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { throw Broken() }
        defer { close(connection) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let received = Self.parse(bytes) {
                _ = Array(answer.utf8).withUnsafeBytes {
                    send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                return received
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { throw Broken() }
            bytes += buffer[..<count]
        }
    }

    /// Nil until the request is whole.
    private static func parse(_ bytes: [UInt8]) -> Received? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let line = lines.removeFirst()
        let headers = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (name: String(parts[0]), value: parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
        }
        let body = Array(bytes[end.upperBound...])
        let received = Received(line: line, headers: headers, body: body)
        return body.count >= received.header("content-length").flatMap(Int.init) ?? 0 ? received : nil
    }
}
