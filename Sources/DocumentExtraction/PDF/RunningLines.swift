/// Finds headers, footers and page numbers: lines at the edge of a page that are the same at the same place of other pages, but for a number that counts with
/// the pages. A line whose numbers differ otherwise is text: a row of a table, a statement, a form.
struct RunningLines {
    /// A line by its words, with every number as `#`, the numbers, and its place: pages differ in height, so footers count from below.
    private struct Key: Hashable {
        var title: Title
        var place: Int
        var isBottom: Bool
    }

    /// What is the same on all of its pages.
    struct Title: Hashable {
        fileprivate var text: String
        /// As they stand there; the one that counts with the pages less the page's index, and behind all its place among them.
        fileprivate var numbers: [Int]

        var isPageNumber: Bool { RunningLines.isPageNumber(text) }
    }

    private struct Candidate {
        /// The line in `layout.lines`.
        var line: Int
        var keys: [Key]
    }

    /// Rows from each edge that are looked at, and how far from the edge they may be.
    private static let depth = 2
    private static let mostLines = 16
    private static let zone: Float = 0.14
    /// Of lines with more numbers than these none counts.
    private static let mostNumbers = 12

    private var counts: [Key: Int] = [:]
    private var candidates: [[Candidate]] = []

    init(_ layouts: [PageLayout]) {
        candidates = layouts.enumerated().map { Self.candidates($0.element, at: $0.offset) }
        for candidate in candidates.joined() { for key in candidate.keys { counts[key, default: 0] += 1 } }
    }

    private var pages: Int { candidates.count }

    /// The running lines of `layout`, which is the document's page at `index`, by their places in `layout.lines`.
    func titles(in layout: PageLayout, at index: Int) -> [Int: Title] {
        var titles: [Int: Title] = [:]
        for candidate in candidates[index] { titles[candidate.line] = candidate.keys.first(where: isRunning)?.title }
        // The head of a table that goes on from page to page is in a row with other cells.
        for place in titles.keys {
            let box = layout.lines[place].box
            let row = layout.lines.indices.filter { layout.lines[$0].box.isBeside(box) }
            if !row.allSatisfy({ titles[$0] != nil }) { titles[place] = nil }
        }
        return titles
    }

    private func isRunning(_ key: Key) -> Bool {
        // Neighbouring places are one: lines move by a point where fonts differ.
        let count = (-1...1).reduce(0) { count, step in
            var near = key
            near.place += step
            return count + (counts[near] ?? 0)
        }
        return count >= (key.title.isPageNumber || pages == 2 ? 2 : 3)
    }

    private static func candidates(_ layout: PageLayout, at index: Int) -> [Candidate] {
        let height = layout.page.height
        guard height > 0 else { return [] }
        let byTop = layout.lines.indices.sorted { layout.lines[$0].box.top < layout.lines[$1].box.top }
        let top = rows(byTop, layout).filter { layout.lines[$0].box.bottom < height * zone }
        let bottom = rows(byTop.reversed(), layout).filter { layout.lines[$0].box.top > height * (1 - zone) }
        return top.map { candidate(layout, $0, index, isBottom: false) }
            + bottom.map { candidate(layout, $0, index, isBottom: true) }
    }

    /// The lines of the first rows.
    private static func rows(_ lines: [Int], _ layout: PageLayout) -> [Int] {
        var (found, count): ([Int], Int) = ([], 0)
        for line in lines {
            if let last = found.last, found.count < mostLines, layout.lines[line].box.isBeside(layout.lines[last].box) {
                found.append(line)
                continue
            }
            count += 1
            guard count <= depth, found.count < mostLines else { break }
            found.append(line)
        }
        return found
    }

    private static func candidate(_ layout: PageLayout, _ place: Int, _ index: Int, isBottom: Bool) -> Candidate {
        let line = layout.lines[place]
        let distance = isBottom ? layout.page.height - line.box.bottom : line.box.top
        let pattern = Pattern(line.fragments.map { String(decoding: layout.text[$0.start..<$0.end], as: UTF8.self) })
        let key = Key(
            title: Title(text: pattern.text, numbers: pattern.numbers),
            place: Int((distance / 3).rounded()),
            isBottom: isBottom
        )
        var keys = [key]
        if pattern.numbers.count <= mostNumbers {
            for number in pattern.numbers.indices where pattern.isPageNumber[number] {
                var counting = key
                counting.title.numbers[number] -= index
                // Apart from a number that stands still.
                counting.title.numbers.append(number)
                keys.append(counting)
            }
        }
        return Candidate(line: place, keys: keys)
    }

    /// A line without white space, in small letters, every number as `#`.
    private struct Pattern {
        private(set) var text = ""
        private(set) var numbers: [Int] = []
        /// Whether each stands in a part of the line that holds nothing but the number of a page: apart from the words, or behind a dash or bar. "Figure 7"
        /// counts with the pages as well, and is text.
        private(set) var isPageNumber: [Bool] = []
        private static let bars: Set<Character> = ["—", "–", "|", "•", "·"]

        init(_ fragments: [String]) {
            let parts = fragments.flatMap { $0.split(whereSeparator: Self.bars.contains) }
            for part in parts { add(part.lowercased()) }
        }

        private mutating func add(_ part: String) {
            let first = numbers.count
            var pattern = ""
            var (isNumber, isBlank) = (false, false)
            for character in part {
                if character.isWhitespace {
                    isBlank = true
                } else if let digit = character.wholeNumberValue, (0...9).contains(digit) {
                    if isNumber, !isBlank {
                        numbers[numbers.count - 1] = min(numbers[numbers.count - 1] * 10 + digit, 1 << 40)
                    } else {
                        pattern += "#"
                        numbers.append(digit)
                    }
                    (isNumber, isBlank) = (true, false)
                } else {
                    pattern.append(character)
                    (isNumber, isBlank) = (false, false)
                }
            }
            if let value = RunningLines.romans[pattern] {
                pattern = "#"
                numbers.append(value)
            }
            let isPage = RunningLines.isPageNumber(pattern)
            isPageNumber += [Bool](repeating: isPage, count: numbers.count - first)
            text += pattern
        }
    }

    private static let romans = Dictionary(
        uniqueKeysWithValues: [
            "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv",
        ]
        .enumerated().map { ($0.element, $0.offset + 1) }
    )

    /// `7`, `- 7 -`, `Page 7`, `7 of 12`, `7/12`.
    private static func isPageNumber(_ text: String) -> Bool {
        guard text.contains("#"), text.utf8.count <= 16, text.count(where: { $0 == "#" }) <= 2 else { return false }
        let rest = text.filter { !"#-–—.|[]()/".contains($0) }
        return [
            "", "page", "pageof", "of", "p", "pg", "seite", "seitevon", "von", "s", "página", "pagina", "página",
            "pagesur", "sur", "de", "páginade",
        ].contains(rest)
    }
}
