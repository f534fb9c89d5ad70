import AsyncPrimitives
import HTTPTransport

/// What a provider grants an account in a minute; nil where it is not known.
package struct AccountLimits: Equatable, Sendable, Codable {
    package var tokensPerMinute: Int?
    package var requestsPerMinute: Int?

    private static let plausible = 1...1 << 40

    package init(tokensPerMinute: Int? = nil, requestsPerMinute: Int? = nil) {
        self.tokensPerMinute = tokensPerMinute
        self.requestsPerMinute = requestsPerMinute
    }

    /// From `x-ratelimit-limit-*` of OpenAI's API ("Rate limits", headers).
    init(_ headers: HTTPHeaders) {
        func limit(_ kind: String) -> Int? {
            headers["x-ratelimit-limit-\(kind)"].flatMap(Int.init).flatMap { Self.plausible.contains($0) ? $0 : nil }
        }
        (tokensPerMinute, requestsPerMinute) = (limit("tokens"), limit("requests"))
    }

    package var isKnown: Bool { tokensPerMinute != nil || requestsPerMinute != nil }

    /// These, and where one is not known the other's.
    package func completed(by other: AccountLimits) -> AccountLimits {
        AccountLimits(
            tokensPerMinute: tokensPerMinute ?? other.tokensPerMinute,
            requestsPerMinute: requestsPerMinute ?? other.requestsPerMinute
        )
    }

    /// Every how many-th part.
    func divided(by workers: Int) -> AccountLimits {
        AccountLimits(
            tokensPerMinute: tokensPerMinute.map { max(1, $0 / max(1, workers)) },
            requestsPerMinute: requestsPerMinute.map { max(1, $0 / max(1, workers)) }
        )
    }

    /// Tokens of a request that takes a quarter of a second of the account's limit: larger ones make others wait, and meet a limit that is enforced by
    /// the second. Never so few that requests run out before tokens, nor less than some chunks where the limit allows that in two seconds.
    var tokensOfRequest: Int {
        guard let tokensPerMinute else { return .max }
        let byRequests = requestsPerMinute.map { 2 * tokensPerMinute / max(1, $0) } ?? 0
        return max(tokensPerMinute / 240, min(2048, tokensPerMinute / 30), byRequests, 1)
    }

    /// A little less than is granted: tokens are counted by others, and by clocks that differ.
    var withMargin: AccountLimits {
        func less(_ limit: Int) -> Int { max(1, Int(Double(limit) * 0.985)) }
        return AccountLimits(
            tokensPerMinute: tokensPerMinute.map(less),
            requestsPerMinute: requestsPerMinute.map(less)
        )
    }

    /// What a worker takes at a time: a quarter of a second of the limits, so that small requests need no lease each, or what is needed where that is
    /// half as much or more.
    func block(for tokens: Int, requests: Int) -> (tokens: Int, requests: Int) {
        let share = tokensPerMinute.map { Double(tokens) / Double($0) * 60 } ?? 0
        let seconds = share > 0.125 ? share : 0.25
        let most = requestsPerMinute.map { Int(Double($0) * seconds / 60) } ?? 0
        let few = tokens > 0 ? tokensPerMinute.map { $0 / 240 } ?? 0 : 0
        return (share > 0.125 ? tokens : few, max(requests, most, 0))
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func limit(_ key: CodingKeys) throws -> Int? {
            try fields.decodeIfPresent(Int.self, forKey: key).flatMap { Self.plausible.contains($0) ? $0 : nil }
        }
        (tokensPerMinute, requestsPerMinute) = (try limit(.tokensPerMinute), try limit(.requestsPerMinute))
    }
}
