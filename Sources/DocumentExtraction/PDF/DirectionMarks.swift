/// Poppler puts each word that runs from right to left between marks (U+202A to U+202E) and in the order of reading; boxes and styles have no entries for the
/// marks, and follow each word from left to right. This tells which entry belongs to which scalar of the text (UAX #9, rule L2).
struct DirectionMarks {
    /// By scalar of the text, marks included: a mark has the entry of what stands beside it.
    private(set) var entries: [Int] = []
    private static let deepest = 8

    init(_ text: UnsafeBufferPointer<UInt8>) {
        entries.reserveCapacity(text.count)
        // Of the word that is open, or of what stands between two.
        var (levels, marks): ([Int], [Int]) = ([], [])
        var nesting = [0]
        var (first, index) = (0, 0)
        func addWord() {
            let order = Self.visualPlaces(levels)
            var (next, lineMarks) = (0, marks[...])
            for place in 0..<(levels.count + marks.count) {
                if lineMarks.first == place {
                    lineMarks.removeFirst()
                    entries.append(first + (levels.isEmpty ? 0 : order[min(next, levels.count - 1)]))
                } else {
                    entries.append(first + order[next])
                    next += 1
                }
            }
            first += levels.count
            (levels, marks) = ([], [])
        }
        while index < text.count {
            let byte = text[index]
            let width = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            if let mark = Self.mark(text, index) {
                marks.append(levels.count + marks.count)
                if mark != 0xAC {
                    nesting.append(Self.level(inside: nesting.last!, mark))
                } else if nesting.count > 1 {
                    nesting.removeLast()
                }
                if nesting.count == 1 || nesting.count == 2 && levels.allSatisfy({ $0 == 0 }) { addWord() }
            } else if byte == 0x0A {
                addWord()
                entries.append(first)
                first += 1
                nesting = [0]
            } else {
                levels.append(nesting.last!)
            }
            index += width
        }
        addWord()
    }

    /// The level behind a mark that opens: the next even one for what runs to the right, the next odd one for what runs to the left. Poppler nests two, a document
    /// that holds marks itself as many as it likes.
    static func level(inside level: Int, _ mark: UInt8) -> Int {
        let next = mark == 0xAA || mark == 0xAD ? (level + 2) & ~1 : (level + 1) | 1
        return next <= deepest ? next : level
    }

    static func hasMarks(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        text.indices.dropLast(2).contains { text[$0] == 0xE2 && mark(text, $0) != nil }
    }

    /// The last byte of the mark that stands at `index`.
    static func mark(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> UInt8? {
        guard text[index] == 0xE2, index + 2 < text.count, text[index + 1] == 0x80,
            (0xAA...0xAE).contains(text[index + 2])
        else { return nil }
        return text[index + 2]
    }

    /// Where each character of a word stands, from left to right.
    static func visualPlaces(_ levels: [Int]) -> [Int] {
        var places = [Int](repeating: 0, count: levels.count)
        for (place, character) in reordered(levels).enumerated() { places[character] = place }
        return places
    }

    /// The places of characters in their order after every run of a level and those above it has been turned, from the highest level down (rule L2).
    static func reordered(_ levels: [Int]) -> [Int] {
        var order = Array(levels.indices)
        for level in stride(from: levels.max() ?? 0, to: 0, by: -1) {
            var start = 0
            while start < order.count {
                var end = start
                while end < order.count, levels[order[end]] >= level { end += 1 }
                if end > start { order[start..<end].reverse() }
                start = max(end, start + 1)
            }
        }
        return order
    }
}
