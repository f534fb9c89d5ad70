/// Describes a response that is not of the protocol: a proxy's page, a redirect, nothing at all. Never more than its outlines: the
/// text of an unknown page may hold anything.
package enum ForeignResponse {
    package static func describe(_ response: HTTPResponse) -> String {
        if (300..<400).contains(response.status) {
            let target = response.headers["location"].flatMap { Endpoint($0)?.origin }
            return "a redirect\(target.map { " to \($0)" } ?? "")"
        }
        let head = response.body.prefix(512)
        if head.isEmpty { return "an empty body" }
        let text = String(decoding: head, as: UTF8.self).lowercased()
        if text.contains("<html") || text.contains("<!doctype html") { return "an HTML page" }
        let kind = response.headers["content-type"]?.prefix { $0 != ";" } ?? "no content type"
        return "\(response.body.count) bytes, \(kind)"
    }
}
