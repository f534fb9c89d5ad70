import CommandLineOptions
import TextCoding

/// What embedding costs, in US dollars a million tokens.
package struct EmbeddingPrice: Equatable, Sendable {
    package var dollarsPerMillionTokens: Double

    package init(dollarsPerMillionTokens: Double) { self.dollarsPerMillionTokens = dollarsPerMillionTokens }

    /// In billionths of a dollar.
    package func billionths(tokens: Int) -> Int { Int((dollars(tokens: tokens) * 1e9).rounded()) }

    package func dollars(tokens: Int) -> Double { Double(tokens) / 1_000_000 * dollarsPerMillionTokens }

    /// Of a lane that is cheaper, such as OpenAI's batches.
    package func times(_ share: Double) -> EmbeddingPrice {
        EmbeddingPrice(dollarsPerMillionTokens: dollarsPerMillionTokens * share)
    }
}

/// Prices of models.
package struct EmbeddingPrices: Sendable {
    package struct Unreadable: Error {}

    /// Of every model that the table does not name.
    private var all: Double?
    private var table: [String: Double]

    /// List prices (openai.com/api/pricing, docs.voyageai.com/docs/pricing, cohere.com/pricing, aws.amazon.com/bedrock/pricing).
    private static let known = [
        "text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.10,
        "voyage-3.5": 0.06, "voyage-3.5-lite": 0.02, "voyage-3-large": 0.18,
        "embed-v4.0": 0.12, "embed-english-v3.0": 0.10, "embed-multilingual-v3.0": 0.10,
        "amazon.titan-embed-text-v2:0": 0.02, "cohere.embed-english-v3": 0.10, "cohere.embed-multilingual-v3": 0.10,
    ]

    /// - Parameter setting: a price, or a table as `text-embedding-3-small=0.02,voyage-3.5=0.06`; a model that is not in it has its list price.
    package init(_ setting: String) throws(Unreadable) {
        table = Self.known
        if !setting.contains("=") {
            if !setting.trimmed.isEmpty { all = try Self.price(setting) }
            return
        }
        for entry in setting.split(separator: ",") where !entry.allSatisfy(\.isWhitespace) {
            guard let sign = entry.lastIndex(of: "=") else { throw Unreadable() }
            let model = String(String(entry[..<sign]).trimmed)
            guard !model.isEmpty else { throw Unreadable() }
            table[model] = try Self.price(String(entry[entry.index(after: sign)...]))
        }
    }

    /// EMBEDDING_PRICE; list prices where it cannot be read, which the reader reports.
    package init(_ reader: inout SettingsReader) {
        if let prices = try? EmbeddingPrices(reader.read(Settings.price)) {
            self = prices
        } else {
            table = Self.known
            reader.problem(
                "EMBEDDING_PRICE is neither a price in US dollars nor a table such as text-embedding-3-small=0.02,voyage-3.5=0.06"
            )
        }
    }

    /// Nil where it is not known.
    package subscript(model: String) -> EmbeddingPrice? {
        (all ?? table[model]).map(EmbeddingPrice.init(dollarsPerMillionTokens:))
    }

    private static func price(_ text: String) throws(Unreadable) -> Double {
        guard let price = Double(text.trimmed), price.isFinite, (0...1_000_000).contains(price) else {
            throw Unreadable()
        }
        return price
    }
}
