import TextCoding

/// Where a page's part of a chunk begins.
package struct PagePart: Equatable, Sendable {
    /// From 1, as readers and `pdftotext -f` count.
    package var number: Int
    /// In Unicode scalars from the start of the chunk's text.
    package var offset: Int

    package init(number: Int, offset: Int) {
        self.number = number
        self.offset = offset
    }
}

/// The larger stretch of text that a chunk is a part of.
package struct ChunkParent: Equatable, Sendable {
    /// From 0, in reading order.
    package var index: Int
    /// As `Chunk.characters`.
    package var characters: Range<Int>

    package init(index: Int, characters: Range<Int>) {
        self.index = index
        self.characters = characters
    }
}

/// A piece of a document that is embedded and found as one.
package struct Chunk: Equatable, Sendable {
    /// From 0, in reading order.
    package var index: Int
    /// Exactly `canonical[characters]`.
    package var text: String
    /// cl100k_base tokens of `text`.
    package var tokens: Int
    /// Offsets into the canonical text in Unicode scalars, half open (what Python's string slices count).
    package var characters: Range<Int>
    /// The pages that the text is on, in order. Empty for formats without pages.
    package var pages: [PagePart]
    /// The headings that the text is under, outermost first.
    package var headings: [String]
    /// What stands before the text where it is embedded, or where words are matched.
    package var context = ContextLines()
    /// Whether the context is embedded.
    package var embedsContext = false
    package var parent: ChunkParent?

    package init(index: Int, text: String, tokens: Int, characters: Range<Int>, pages: [PagePart], headings: [String]) {
        self.index = index
        self.text = text
        self.tokens = tokens
        self.characters = characters
        self.pages = pages
        self.headings = headings
    }

    /// Decides whether a vector can be reused: what is embedded is equal where its hash is. 32 hexadecimal digits.
    package var contentHash: String {
        Hex.string(Digest.sha256(ContextLines.joined(embedsContext ? context.text : "", text)).prefix(16))
    }
}
