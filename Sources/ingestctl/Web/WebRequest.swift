import HTTPTransport

/// A GET request as far as the pages need it.
struct WebRequest: Sendable {
    let path: String
    /// Of the query, decoded; the first of equal names.
    let parameters: [String: String]

    /// Why there is no page.
    enum Refusal: Error, Equatable {
        case malformed
        case method
        /// The Host header names another host: a page of the web that leads a browser here (DNS rebinding).
        case host
    }

    /// - Parameters:
    ///   - head: up to the blank line.
    ///   - port: where the server listens.
    init(head: String, port: UInt16) throws(Refusal) {
        var lines = head.split(whereSeparator: \.isNewline)[...]
        let words = (lines.popFirst() ?? "").split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { throw .malformed }
        guard words[0] == "GET" else { throw .method }
        let hosts = lines.compactMap { line -> Substring? in
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "host" else { return nil }
            return line[line.index(after: colon)...]
        }
        guard hosts.count == 1, let host = hosts.first?.filter({ $0 != " " }),
            ["127.0.0.1:\(port)", "localhost:\(port)"].contains(host)
        else { throw .host }
        let parts = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        var parameters: [String: String] = [:]
        for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let name = PercentEncoding.decodeForm(sides[0]),
                let value = PercentEncoding.decodeForm(sides.count > 1 ? sides[1] : "")
            else { throw .malformed }
            if parameters[name] == nil { parameters[name] = value }
        }
        self.parameters = parameters
    }

    subscript(name: String) -> String { parameters[name] ?? "" }

    /// An address within these pages.
    static func address(_ path: String, _ parameters: [(String, String)]) -> String {
        let query = parameters.filter { !$0.1.isEmpty }.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }
        return query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))"
    }
}
