/// UTF-8 text, by what a reader sees of it.
extension Collection<UInt8> {
    /// The number of characters that are neither white space nor control characters.
    package var inkedCharacters: Int { withBytes { $0.count { $0 > 0x20 && $0 & 0xC0 != 0x80 } } }

    /// Whether there are letters: numbers and signs alone, as of pages, say nothing.
    package var hasLetters: Bool { withBytes { $0.contains { $0 >= 0x80 || (0x61...0x7A).contains($0 | 0x20) } } }

    /// Other modules have this code as generic code alone: over bytes in a row it is as fast as any loop, over their witnesses a hundred times slower.
    private func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        withContiguousStorageIfAvailable(body) ?? Array(self).withUnsafeBufferPointer(body)
    }
}
