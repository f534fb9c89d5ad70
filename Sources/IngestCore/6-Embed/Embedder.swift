/// One text to embed, with its tokens as counted by the chunker.
package struct EmbeddingInput: Equatable, Sendable {
    package var text: String
    package var tokens: Int

    package init(text: String, tokens: Int) {
        self.text = text
        self.tokens = tokens
    }
}

/// Turns texts into vectors of unit length. The results are in the order of the inputs; each succeeds or fails on its own.
package protocol Embedder: Sendable {
    func embed(_ inputs: [EmbeddingInput]) async -> [Result<[Float], any Error>]
}
