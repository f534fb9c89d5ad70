/// Distinguishes words that were broken at the end of a line from words that are written with a hyphen elsewhere in the document.
struct Hyphenation {
    private var compounds: Set<UInt64> = []
    /// No word is broken behind these: the hyphen is the word's own.
    private static let prefixes = ["self", "long", "half", "cross", "quasi"].map { Array($0.utf8) }

    init(_ layouts: [PageLayout]) {
        for layout in layouts {
            layout.text.withUnsafeBufferPointer { text in
                for line in layout.lines { for fragment in line.fragments { collect(text, fragment) } }
            }
        }
    }

    /// Whether the hyphen between the end of `before` and the start of `after` stays.
    func keeps(_ before: ArraySlice<UInt8>, _ after: ArraySlice<UInt8>) -> Bool {
        let start = before.lastIndex { !Self.isLetter($0) }.map { $0 + 1 } ?? before.startIndex
        let end = after.firstIndex { !Self.isLetter($0) } ?? after.endIndex
        if Self.prefixes.contains(where: { $0.elementsEqual(before[start...].lazy.map { $0 | 0x20 }) }) { return true }
        guard !compounds.isEmpty else { return false }
        var hash = WordHash()
        for byte in before[start...] { hash.add(byte) }
        hash.add(0x2D)
        for byte in after[..<end] { hash.add(byte) }
        return compounds.contains(hash.value)
    }

    private mutating func collect(_ text: UnsafeBufferPointer<UInt8>, _ fragment: Fragment) {
        var index = fragment.start
        while index < fragment.end {
            guard text[index] == 0x2D, index > fragment.start, index + 1 < fragment.end, Self.isLetter(text[index - 1]),
                Self.isLetter(text[index + 1])
            else {
                index += 1
                continue
            }
            var (start, end) = (index, index + 1)
            while start > fragment.start, Self.isLetter(text[start - 1]) { start -= 1 }
            while end < fragment.end, Self.isLetter(text[end]) { end += 1 }
            var hash = WordHash()
            for place in start..<end { hash.add(text[place]) }
            compounds.insert(hash.value)
            index = end
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { byte >= 0x80 || (0x61...0x7A).contains(byte | 0x20) }

    /// FNV-1a of a word without its case.
    private struct WordHash {
        private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ byte: UInt8) {
            value = (value ^ UInt64((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)) &* 0x100_0000_01B3
        }
    }
}
