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

    /// The longest prefix that ends between two pieces and has at most `budget` tokens; where even the first piece has more, as many of
    /// its characters as have bytes for the budget (a token has at least one byte). Never empty.
    package func prefix(of text: UnsafeBufferPointer<UInt8>, tokens budget: Int) -> Int {
        guard let base = text.baseAddress else { return 0 }
        var total = 0
        var position = 0
        while position < text.count {
            let end = splitter.pieceEnd(base, position, text.count)
            total += tokens(base + position, end - position)
            if total > budget { break }
            position = end
        }
        if position > 0 { return position }
        var end = min(max(budget, 4), text.count)
        while end > 0, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }

    @inline(__always)
    private func tokens(_ piece: UnsafePointer<UInt8>, _ length: Int) -> Int {
        if length == 1 || vocabulary.rank(piece, length) != Vocabulary.notAToken { return 1 }
        return BytePairMerge(vocabulary: vocabulary).count(piece, length)
    }
}
