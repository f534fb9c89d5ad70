/// How a document is cut, and what stands before the text of each chunk. All of it is part of the pipeline's fingerprint.
package struct ChunkingSettings: Equatable, Sendable {
    /// The values are those of CHUNK_STRATEGY.
    package enum Strategy: String, CaseIterable, Sendable {
        /// Whole blocks; a chunk ends before a heading.
        case structure
        /// Equal numbers of tokens, whatever the text says.
        case tokens
        /// No chunk has text of two pages; a page that fits is one chunk.
        case page
        /// A few sentences each, found by themselves and returned with the chunks around them.
        case sentenceWindow = "sentence-window"
        /// Small chunks of larger ones: the small ones are found, the large one is returned.
        case parentChild = "parent-child"

        /// Small chunks are returned with what is around them.
        package var isSmallToLarge: Bool { self == .sentenceWindow || self == .parentChild }
    }

    /// Where the title and the heading path stand before the text. The values are those of CHUNK_CONTEXT.
    package enum Context: String, CaseIterable, Sendable, Codable {
        case both
        /// In what is embedded alone.
        case embedded
        /// In what words are matched with alone.
        case words
        case none

        package var isEmbedded: Bool { self == .both || self == .embedded }
        package var isMatched: Bool { self == .both || self == .words }
    }

    package var strategy = Strategy.structure
    /// Of a chunk, at most.
    package var tokens = 256
    /// Repeated of the chunk before, at most. Chunks that are returned with what is around them repeat nothing.
    package var overlap = 32
    /// Of the larger chunks of `parentChild`, at most.
    package var parentTokens = 1024
    package var context = Context.both
    /// Whether words are matched in the form that the analyzer of the document's language gives them, as well.
    package var usesLanguageAnalyzers = true

    package init() {}

    package init(_ strategy: Strategy = .structure, tokens: Int, overlap: Int) {
        (self.strategy, self.tokens, self.overlap) = (strategy, tokens, overlap)
    }

    /// CHUNK_TOKENS where it is not set.
    package static func defaultTokens(_ strategy: Strategy) -> Int { strategy.isSmallToLarge ? 128 : 256 }
}
