import TextCoding

/// What embedding costs, in US dollars a million tokens.
package struct EmbeddingPrice: Equatable, Sendable {
    package var dollarsPerMillionTokens: Double

    /// List prices (openai.com/api/pricing, docs.voyageai.com/docs/pricing, cohere.com/pricing, aws.amazon.com/bedrock/pricing).
    private static let known = [
        "text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.10,
        "voyage-3.5": 0.06, "voyage-3.5-lite": 0.02, "voyage-3-large": 0.18,
        "embed-v4.0": 0.12, "embed-english-v3.0": 0.10, "embed-multilingual-v3.0": 0.10,
        "amazon.titan-embed-text-v2:0": 0.02, "cohere.embed-english-v3": 0.10, "cohere.embed-multilingual-v3": 0.10,
    ]

    /// - Parameter setting: EMBEDDING_PRICE; empty for the model's list price.
    /// - Returns: nil where neither is known.
    package init?(setting: String, model: String) {
        guard let price = setting.isEmpty ? Self.known[model] : Double(setting.trimmed), price.isFinite,
            (0...1_000_000).contains(price)
        else { return nil }
        dollarsPerMillionTokens = price
    }

    /// In billionths of a dollar.
    package func billionths(tokens: Int) -> Int { Int((dollars(tokens: tokens) * 1e9).rounded()) }

    package func dollars(tokens: Int) -> Double { Double(tokens) / 1_000_000 * dollarsPerMillionTokens }
}
