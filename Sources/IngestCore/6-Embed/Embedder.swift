/// One text to embed, with its tokens as counted by the chunker.
package struct EmbeddingInput: Equatable, Sendable {
    package var text: String
    package var tokens: Int
    /// Requests are filled in turns over tenants.
    package var tenant: String

    package init(text: String, tokens: Int, tenant: String = "") {
        self.text = text
        self.tokens = tokens
        self.tenant = tenant
    }
}

/// Turns texts into vectors of unit length. The results are in the order of the inputs; each succeeds or fails on its own.
package protocol Embedder: Sendable {
    func embed(_ inputs: [EmbeddingInput]) async -> [Result<[Float], any Error>]
}
