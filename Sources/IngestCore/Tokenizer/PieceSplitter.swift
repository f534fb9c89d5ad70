/// Splits text as cl100k_base's pattern does (tiktoken_ext/openai_public.py):
///
///     '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
///
/// Written out by hand, alternative by alternative: no piece is looked at twice.
struct PieceSplitter: Sendable {
    private let classes = CharacterClasses()

    /// Calls `body` with the offset and length of each piece of valid UTF-8.
    @inline(__always)
    func forEach(in text: UnsafeBufferPointer<UInt8>, _ body: (_ start: Int, _ length: Int) -> Void) {
        guard let base = text.baseAddress else { return }
        var position = 0
        while position < text.count {
            let end = pieceEnd(base, position, text.count)
            body(position, end - position)
            position = end
        }
    }

    /// The end of the piece that starts at `start`.
    @inline(__always)
    func pieceEnd(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        let (kind, length) = classes.at(text, start)
        if kind == CharacterClasses.letter { return letters(text, start + length, count) }
        if kind == CharacterClasses.number { return numbers(text, start + length, count) }
        if text[start] == 0x27, let end = contraction(text, start, count) { return end }
        if kind != CharacterClasses.lineBreak, start + length < count {  // one leading character, then letters
            let (next, nextLength) = classes.at(text, start + length)
            if next == CharacterClasses.letter { return letters(text, start + length + nextLength, count) }
        }
        if let end = symbols(text, start, count) { return end }
        return blanks(text, start, count)
    }

    @inline(__always)
    private func letters(_ text: UnsafePointer<UInt8>, _ from: Int, _ count: Int) -> Int {
        var position = from
        while position < count {
            let (kind, length) = classes.at(text, position)
            if kind != CharacterClasses.letter { break }
            position += length
        }
        return position
    }

    private func numbers(_ text: UnsafePointer<UInt8>, _ from: Int, _ count: Int) -> Int {
        var position = from
        var digits = 1
        while position < count, digits < 3 {
            let (kind, length) = classes.at(text, position)
            if kind != CharacterClasses.number { break }
            position += length
            digits += 1
        }
        return position
    }

    /// `'s 'd 'm 't 'll 've 're`, in any case; case folding makes U+017F (long s) an s.
    private func contraction(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int? {
        guard start + 1 < count else { return nil }
        let first = text[start + 1] | 0x20
        if text[start + 1] < 0x80, first == 0x73 || first == 0x64 || first == 0x6D || first == 0x74 { return start + 2 }
        guard start + 2 < count else { return nil }
        if text[start + 1] == 0xC5, text[start + 2] == 0xBF { return start + 3 }
        guard text[start + 1] < 0x80, text[start + 2] < 0x80 else { return nil }
        let second = text[start + 2] | 0x20
        let isPair =
            (first == 0x6C && second == 0x6C) || (first == 0x76 && second == 0x65) || (first == 0x72 && second == 0x65)
        return isPair ? start + 3 : nil
    }

    /// ` ?[^\s\p{L}\p{N}]++[\r\n]*+`
    private func symbols(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int? {
        var position = text[start] == 0x20 ? start + 1 : start
        let first = position
        while position < count {
            let (kind, length) = classes.at(text, position)
            if kind != CharacterClasses.other { break }
            position += length
        }
        guard position > first else { return nil }
        while position < count, text[position] == 0x0A || text[position] == 0x0D { position += 1 }
        return position
    }

    /// A run of white space: all of it at the end of the text; up to its last line break; all but its last character; or that one.
    private func blanks(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var position = start
        var afterLineBreak = -1
        var lastStart = start
        var characters = 0
        while position < count {
            let (kind, length) = classes.at(text, position)
            if kind < CharacterClasses.blank { break }
            lastStart = position
            position += length
            characters += 1
            if kind == CharacterClasses.lineBreak { afterLineBreak = position }
        }
        if position == count { return position }
        if afterLineBreak >= 0 { return afterLineBreak }
        return characters > 1 ? lastStart : position
    }
}
