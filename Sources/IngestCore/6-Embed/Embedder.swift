/// One text to embed, with its tokens as counted by the chunker.
package struct EmbeddingInput: Equatable, Sendable {
    package var text: String
    package var tokens: Int
    /// Requests are filled in turns over tenants.
    package var tenant: String
    /// Live ones go first.
    package var lane: Lane

    package init(text: String, tokens: Int, tenant: String = "", lane: Lane = .live) {
        self.text = text
        self.tokens = tokens
        self.tenant = tenant
        self.lane = lane
    }
}

/// A text's vector.
package struct Embedding: Equatable, Sendable {
    package var vector: [Float]
    /// What the provider bills for it: its share of what the response says, or the chunker's count where that says nothing.
    package var tokens: Int

    package init(vector: [Float], tokens: Int) { (self.vector, self.tokens) = (vector, tokens) }
}

/// Turns texts into vectors of unit length. The results are in the order of the inputs; each succeeds or fails on its own.
package protocol Embedder: Sendable {
    func embed(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>]
    /// Tokens of a request at present, at most; a larger text goes alone.
    var tokensOfRequest: Int { get }
}

extension Embedder {
    package var tokensOfRequest: Int { .max }
}
