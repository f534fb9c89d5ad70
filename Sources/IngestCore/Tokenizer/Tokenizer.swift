/// Counts cl100k_base tokens exactly as tiktoken's `encode_ordinary` does: markers such as `<|endoftext|>` are ordinary text.
package struct Tokenizer: Sendable {
    package static let cl100k = Tokenizer(vocabulary: .cl100k, name: "cl100k_base")

    private let vocabulary: Vocabulary
    private let splitter = PieceSplitter()
    package let name: String

    private init(vocabulary: Vocabulary, name: String) {
        self.vocabulary = vocabulary
        self.name = name
    }

    package func count(_ text: String) -> Int {
        var text = text
        return text.withUTF8 { count($0) }
    }

    /// - Parameter text: valid UTF-8.
    package func count(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = text.baseAddress else { return 0 }
        var total = 0
        splitter.forEach(in: text) { start, length in total += tokens(base + start, length) }
        return total
    }

    /// The tokens of `text` where there are at most `limit`, else `limit + 1`, with its first and last piece; beyond the limit `total` alone is right. A long text costs no more than
    /// its limit.
    func measure(_ text: UnsafeBufferPointer<UInt8>, upTo limit: Int, _ cache: PieceCache) -> PieceTokens {
        guard let base = text.baseAddress else { return PieceTokens() }
        var found = PieceTokens()
        var position = 0
        while position < text.count, found.total <= limit {
            let end = splitter.pieceEnd(base, position, text.count)
            // Merging it would take time and memory, and the limit is passed in any case.
            if end - position > limit * vocabulary.longestToken {
                found.total = limit + 1
                return found
            }
            let count = tokens(base + position, end - position, cache)
            if position == 0 { (found.firstEnd, found.firstTokens) = (end, count) }
            (found.lastStart, found.lastTokens) = (position, count)
            found.total += count
            found.pieces += 1
            position = end
        }
        found.total = min(found.total, limit + 1)
        return found
    }

    /// A prefix of at most `budget` tokens that ends between two pieces; where even the first piece has more, between two of its tokens. Never empty,
    /// and no more than 8 bytes for each token of the budget are looked at: cutting a long text is linear.
    package func prefix(of text: UnsafeBufferPointer<UInt8>, tokens budget: Int) -> Int {
        guard let base = text.baseAddress else { return 0 }
        let end = characterBoundary(text, at: budget * Self.bytesPerToken)
        var (total, position) = (0, 0)
        while position < end {
            let next = min(splitter.pieceEnd(base, position, end), end)
            // A piece that goes on behind what is looked at is a whole one later, if it is short.
            if next == end, end < text.count, position > 0 { return position }
            let count = tokens(base + position, next - position)
            if total + count > budget {
                if position > 0 { return position }
                let cut = BytePairMerge(vocabulary: vocabulary).boundary(base, next, after: budget)
                return cut > 0 ? cut : characterBoundary(text, at: max(budget, 4))
            }
            total += count
            position = next
        }
        return position
    }

    /// More than text has; runs of one character have more.
    private static let bytesPerToken = 8

    private func characterBoundary(_ text: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int {
        var end = min(offset, text.count)
        while end > 0, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }

    @inline(__always)
    private func tokens(_ piece: UnsafePointer<UInt8>, _ length: Int, _ cache: PieceCache) -> Int {
        if length == 1 || vocabulary.rank(piece, length) != Vocabulary.notAToken { return 1 }
        guard length <= PieceCache.longest, length > 2 else {
            return BytePairMerge(vocabulary: vocabulary).count(piece, length)
        }
        return cache.count(piece, length) { BytePairMerge(vocabulary: vocabulary).count(piece, length) }
    }

    @inline(__always)
    private func tokens(_ piece: UnsafePointer<UInt8>, _ length: Int) -> Int {
        if length == 1 || vocabulary.rank(piece, length) != Vocabulary.notAToken { return 1 }
        return BytePairMerge(vocabulary: vocabulary).count(piece, length)
    }
}
