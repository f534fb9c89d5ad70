import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// OpenSearch's refusal of a request.
package struct OpenSearchError: ClassifiedError, CustomStringConvertible {
    package var method: String
    package var path: String
    package var status: Int
    package var type: String
    /// At most 300 characters: reasons may quote a whole document.
    package var reason: String
    package var dependency = Dependency.index
    /// The body is not OpenSearch's: a proxy's page.
    private let isForeign: Bool
    private var retryAfter: Duration?
    private var remedy: String?

    private struct Body: Decodable {
        struct Cause: Decodable {
            var type: String?
            var reason: String?
        }
        enum Problem: Decodable {
            case cause(Cause)
            case text(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .cause(try container.decode(Cause.self))
                }
            }
        }
        var error: Problem?
    }

    package init(method: String, path: String, response: HTTPResponse, remedy: String? = nil) {
        self.remedy = remedy
        self.method = method
        self.path = path
        status = response.status
        retryAfter = response.headers.retryAfter
        (type, reason) = ("", "")
        isForeign = JSONValue(parsing: response.body) == nil
        switch (try? JSONDecoder().decode(Body.self, from: Data(response.body)))?.error {
        case .cause(let cause): (type, reason) = (cause.type ?? "", String((cause.reason ?? "").prefix(300)))
        case .text(let text): reason = String(text.prefix(300))
        case nil: reason = ForeignResponse.describe(response)
        }
    }

    package var description: String {
        let what = [type, remedy ?? reason].filter { !$0.isEmpty }.joined(separator: ": ")
        return "OpenSearch \(method) \(path): status \(status)\(what.isEmpty ? "" : ", \(what)")"
    }

    /// What one request was refused is never a document's: a request carries chunks of many, or a ledger record.
    package var failure: Failure {
        if status == 429, type != "cluster_block_exception" {
            return .throttled(description, after: retryAfter, of: dependency)
        }
        if status == 403, description.contains("Request throttled") {
            return .throttled(description, after: retryAfter, of: dependency)
        }
        // A page of a proxy may be gone with the next try; 401 and 403 are plain text from the security plugin, too.
        let isPage = isForeign && ![401, 403].contains(status)
        if status == 408 || status >= 500 || isPage { return .transient(description, of: dependency) }
        return .fleet(ItemFailure.explained(description, type), of: dependency)
    }
}
