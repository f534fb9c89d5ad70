/// Scheme, host and port of a server, and the path that everything on it begins with.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package var isSecure: Bool
    package var host: String
    package var port: Int?
    /// Without a trailing slash; empty at the root.
    package var basePath: String

    package init(isSecure: Bool, host: String, port: Int? = nil, basePath: String = "") {
        self.isSecure = isSecure
        self.host = host
        self.port = port == (isSecure ? 443 : 80) ? nil : port
        self.basePath = basePath
    }

    /// `http[s]://host[:port][/path]`; nil for anything else, user names and queries included.
    package init?(_ url: String) {
        let lower = url.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else { return nil }
        let isSecure = lower.hasPrefix("https://")
        let rest = url.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        guard !rest.contains(where: { "?#@ ".contains($0) || $0.isNewline }) else { return nil }
        var host = authority
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), authority[colon...].firstIndex(of: "]") == nil {
            host = authority[..<colon]
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
                return nil
            }
            port = number
        }
        guard !host.isEmpty else { return nil }
        self.init(isSecure: isSecure, host: host.lowercased(), port: port, basePath: String(path))
    }

    /// The value of the Host header: the port only where it is not the scheme's own.
    package var authority: String { port.map { "\(host):\($0)" } ?? host }
    package var origin: String { (isSecure ? "https://" : "http://") + authority }
    package var description: String { origin + basePath }
}
