/// What the provider was paid for embeddings.
package struct EmbeddingSpend: Hashable, Sendable, Codable {
    /// As the provider bills them.
    package var tokens = 0
    /// In billionths of a dollar; 0 where the price is not known.
    package var cost = 0

    /// More is damage: counts are added up.
    private static let most = 1 << 60

    package init(tokens: Int = 0, cost: Int = 0) { (self.tokens, self.cost) = (tokens, cost) }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int {
            min(max(try fields.decodeIfPresent(Int.self, forKey: key) ?? 0, 0), Self.most)
        }
        (tokens, cost) = (try count(.tokens), try count(.cost))
    }

    package var dollars: Double { Double(cost) / 1e9 }

    package static func + (left: EmbeddingSpend, right: EmbeddingSpend) -> EmbeddingSpend {
        EmbeddingSpend(tokens: min(left.tokens + right.tokens, most), cost: min(left.cost + right.cost, most))
    }

    package static func += (left: inout EmbeddingSpend, right: EmbeddingSpend) { left = left + right }
}
