/// UTF-8 text, by what a reader sees of it.
extension Sequence<UInt8> {
    /// The number of characters that are neither white space nor control characters.
    package var inkedCharacters: Int { count { $0 > 0x20 && $0 & 0xC0 != 0x80 } }

    /// Whether there are letters: numbers and signs alone, as of pages, say nothing.
    package var hasLetters: Bool { contains { $0 >= 0x80 || (0x61...0x7A).contains($0 | 0x20) } }
}
