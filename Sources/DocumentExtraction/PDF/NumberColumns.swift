/// Numbers of a table that stand so close to the cell before them that they seem to be words of it: the same numbers of other rows stand alone.
struct NumberColumns {
    /// A number behind other words of a fragment.
    struct Word {
        /// Index of its fragment, and its first byte.
        var fragment: Int
        var start: Int
        /// Where the word before it ends, and where it is itself.
        var before: Float
        var left: Float
        var right: Float
    }

    private static let fewest = 3
    private static let longest = 16
    /// How far apart two rows are at most, in heights of a line.
    private static let nearest: Float = 4

    /// The top of each number that stands alone, from the top, by the point of the page's width where they begin or end.
    private var starts: [Int: [Float]] = [:]
    private var ends: [Int: [Float]] = [:]
    /// Of every fragment, from the top.
    private var tops: [Float] = []

    init(_ fragments: [Fragment], _ text: [UInt8]) {
        tops = fragments.map(\.box.top).sorted()
        for fragment in fragments.sorted(by: { $0.box.top < $1.box.top }) where Self.isNumber(fragment, text) {
            guard let start = Self.place(fragment.box.left), let end = Self.place(fragment.box.right) else { continue }
            starts[start, default: []].append(fragment.box.top)
            ends[end, default: []].append(fragment.box.top)
        }
    }

    private static func isNumber(_ fragment: Fragment, _ text: [UInt8]) -> Bool {
        fragment.isNumber && fragment.end - fragment.start <= longest
            && text[fragment.start..<fragment.end].allSatisfy { (0x21...0x3F).contains($0) }
    }

    private static func place(_ x: Float) -> Int? { abs(x) < 100_000 ? Int(x.rounded()) : nil }

    /// Parts the fragments before such numbers.
    func split(_ fragments: [Fragment], at words: [Word]) -> [Fragment] {
        guard !words.isEmpty, !starts.isEmpty else { return fragments }
        var parts = fragments.map { [$0] }
        for word in words
        where fragments[word.fragment].direction != .rightToLeft && isInColumn(word, fragments[word.fragment].box) {
            let place = parts[word.fragment].count - 1
            var (first, second) = (parts[word.fragment][place], parts[word.fragment][place])
            (first.end, first.box.right) = (word.start - 1, word.before)
            (second.start, second.box.left, second.isNumber) = (word.start, word.left, true)
            guard first.start < first.end, first.box.width > 0, second.box.width > 0 else { continue }
            first.firstWord = min(first.firstWord, first.box.width)
            second.firstWord = word.right - word.left
            parts[word.fragment][place] = first
            parts[word.fragment].append(second)
        }
        return parts.flatMap { $0 }
    }

    /// A title has nothing beside it.
    private func isInColumn(_ word: Word, _ box: CharacterBox) -> Bool {
        Self.count(tops, within: 0.4 * box.height, of: box.top, most: 2) == 2
            && (isIn(starts, word.left, box) || isIn(ends, word.right, box))
    }

    private func isIn(_ columns: [Int: [Float]], _ x: Float, _ box: CharacterBox) -> Bool {
        guard let place = Self.place(x) else { return false }
        let column = (place - 1...place + 1).compactMap { columns[$0] }
        return column.reduce(0) { $0 + $1.count } >= Self.fewest
            && column.contains { Self.count($0, within: Self.nearest * box.height, of: box.top, most: 1) == 1 }
    }

    private static func count(_ tops: [Float], within reach: Float, of top: Float, most: Int) -> Int {
        var (low, high) = (0, tops.count)
        while low < high {
            let middle = (low + high) / 2
            if tops[middle] < top - reach { low = middle + 1 } else { high = middle }
        }
        return tops[low...].prefix(most).count { $0 <= top + reach }
    }
}
