import Glibc

/// One client of the health endpoint: its request as far as it has come, then what is left of the response. Owns its descriptor; never blocks.
final class HealthConnection {
    private enum State {
        case reading([UInt8])
        case writing(ArraySlice<UInt8>)
        case over
    }

    let descriptor: Int32
    let deadline: ContinuousClock.Instant
    private var state = State.reading([])
    private static let longestRequest = 8192

    /// - Parameter descriptor: does not block.
    init(_ descriptor: Int32, deadline: ContinuousClock.Instant) {
        self.descriptor = descriptor
        self.deadline = deadline
    }

    deinit { close(descriptor) }

    var isOver: Bool { if case .over = state { true } else { false } }

    /// What to poll for.
    var events: Int16 { if case .writing = state { Int16(POLLOUT) } else { Int16(POLLIN) } }

    /// Reads or writes what is possible now.
    func advance(_ respond: (_ path: String) -> (status: Int, body: String)) {
        if case .reading(let head) = state { read(head, respond) }
        if case .writing(let rest) = state { write(rest) }
    }

    private func read(_ head: [UInt8], _ respond: (_ path: String) -> (status: Int, body: String)) {
        var head = head
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { state = .over }
            return
        }
        head += buffer[..<count]
        if Self.isWhole(head) {
            state = .writing(Self.response(to: head, respond)[...])
        } else {
            state =
                head.count < Self.longestRequest
                ? .reading(head) : .writing(Self.message(431, "the request is too long\n")[...])
        }
    }

    private func write(_ rest: ArraySlice<UInt8>) {
        let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent < 0, errno == EAGAIN || errno == EINTR { return }
        state = sent <= 0 || sent == rest.count ? .over : .writing(rest.dropFirst(sent))
    }

    /// A blank line ends the head (RFC 9112 §2.1); what may follow is not read.
    private static func isWhole(_ head: [UInt8]) -> Bool {
        let text = String(decoding: head, as: UTF8.self)
        return text.contains("\r\n\r\n") || text.contains("\n\n")
    }

    private static func response(to head: [UInt8], _ respond: (_ path: String) -> (status: Int, body: String))
        -> [UInt8]
    {
        let line = String(decoding: head, as: UTF8.self).prefix { !$0.isNewline }
        let words = line.split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/") else { return message(400, "bad request\n") }
        guard words[0] == "GET" || words[0] == "HEAD" else { return message(405, "only GET and HEAD are answered\n") }
        let (status, body) = respond(String(words[1].prefix { $0 != "?" }))
        return message(status, body, isHead: words[0] == "HEAD")
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
        431: "Request Header Fields Too Large",
    ]

    private static func message(_ status: Int, _ body: String, isHead: Bool = false) -> [UInt8] {
        let lines = [
            "HTTP/1.1 \(status) \(reasons[status] ?? "Service Unavailable")", "Content-Type: text/plain; charset=utf-8",
            "Content-Length: \(body.utf8.count)", "Connection: close", "", isHead ? "" : body,
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }
}
