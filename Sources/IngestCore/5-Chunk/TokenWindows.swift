/// Windows of at most `tokens` tokens over a text, each beginning `overlap` tokens before the end of the one before.
struct TokenWindows {
    let tokenizer: Tokenizer
    let cache: PieceCache
    let tokens: Int
    let overlap: Int

    /// - Parameter each: gets the bytes of a window and its tokens; throws where the work has to end.
    func windows(of text: [UInt8], each: (Range<Int>, Int) throws -> Void) rethrows {
        try text.withUnsafeBufferPointer { text in
            var position = afterBlanks(text, 0)
            while position < text.count {
                let (end, count) = cut(text, position, tokens)
                try each(position..<end, count)
                let rest = afterBlanks(text, end)
                guard rest < text.count else { return }
                guard overlap > 0 else {
                    position = rest
                    continue
                }
                let next = afterBlanks(text, cut(text, position, tokens - overlap).end)
                position = next > position ? min(next, rest) : rest
            }
        }
    }

    /// The end of what fits, without white space, and its tokens. A piece is counted by itself: a cut before it may give it another token.
    private func cut(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ budget: Int) -> (end: Int, count: Int) {
        var room = budget
        while true {
            let rest = UnsafeBufferPointer(rebasing: text[start...])
            var end = start + tokenizer.prefix(of: rest, tokens: room)
            while end > start + 1, SentenceEnds.isBlank(text[end - 1]) { end -= 1 }
            let window = UnsafeBufferPointer(rebasing: text[start..<end])
            let count = tokenizer.measure(window, upTo: budget, cache).total
            if room == 1 || count <= budget { return (end, count) }
            room = max(1, room - 1 - room / 32)
        }
    }

    private func afterBlanks(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Int {
        var position = position
        while position < text.count, SentenceEnds.isBlank(text[position]) { position += 1 }
        return position
    }
}
