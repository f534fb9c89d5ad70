/// Lines of program code: those in a font whose letters are all of one width, in a document that has another one for its text. They keep their indentation.
struct CodeLines {
    private let isKnown: Bool
    /// Of the lines' height, between two lines of one piece.
    private static let farthest: Float = 2
    private static let mostBlanks = 80
    /// In lines.
    private static let longestInText = 3

    init(_ layouts: [PageLayout]) {
        var (fixed, count) = (0, 0)
        for fragment in layouts.lazy.flatMap(\.lines).flatMap(\.fragments) {
            count += fragment.end - fragment.start
            if fragment.isFixed { fixed += fragment.end - fragment.start }
        }
        // Else it was typed with such a font.
        isKnown = fixed * 2 < count
    }

    /// Which lines of a page are code. Books set titles and letters in such fonts as well: a third of the lines of a piece hold signs that programs are full of.
    func lines(of page: PageLayout) -> Set<Int> {
        guard isKnown else { return [] }
        var (lines, piece) = (Set<Int>(), [Int]())
        func close() {
            let signs = piece.count {
                page.lines[$0].fragments.contains { page.text[$0.start..<$0.end].contains(where: Self.isSign) }
            }
            if signs * 3 >= piece.count, piece.count >= Self.longestInText || !isInText(piece, page) {
                lines.formUnion(piece)
            }
            piece = []
        }
        for (index, line) in page.lines.enumerated() {
            if let last = piece.last, !Self.areTogether(page.lines[last], line) || !isFixed(line) { close() }
            if isFixed(line) { piece.append(index) }
        }
        close()
        return lines
    }

    /// A line or two of a paragraph may hold nothing else.
    private func isInText(_ piece: [Int], _ page: PageLayout) -> Bool {
        guard let first = piece.first, let last = piece.last else { return false }
        return first > 0 && Self.isClose(page.lines[first - 1], page.lines[first])
            || last + 1 < page.lines.count && Self.isClose(page.lines[last], page.lines[last + 1])
    }

    private static func isClose(_ above: PageLine, _ line: PageLine) -> Bool {
        abs(line.box.top - above.box.bottom) <= PageWriter.paragraphGap * min(above.box.height, line.box.height)
    }

    private func isFixed(_ line: PageLine) -> Bool { line.cells == nil && line.fragments.allSatisfy(\.isFixed) }

    /// Of `"#$&*+/<=>@[\]_`{|}~` and parentheses.
    private static func isSign(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22...0x24, 0x26, 0x28...0x2B, 0x2F, 0x3C...0x3E, 0x40, 0x5B...0x5D, 0x5F...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    static func areTogether(_ above: PageLine, _ line: PageLine) -> Bool {
        let height = min(above.box.height, line.box.height)
        return line.box.top > above.box.top && line.box.top - above.box.bottom <= farthest * height
    }

    /// The fragments of a line, each with the blanks before it.
    static func pieces(of line: PageLine, _ text: [UInt8], margin: Float) -> [(blanks: Int, fragment: Fragment)] {
        let fragments = line.fragments.sorted { $0.box.left < $1.box.left }
        let characters = fragments.reduce(0) { sum, fragment in
            sum + text[fragment.start..<fragment.end].count { $0 & 0xC0 != 0x80 }
        }
        let width = max(fragments.reduce(0) { $0 + $1.box.width } / Float(max(1, characters)), 1)
        var end = margin
        return fragments.enumerated().map { place, fragment in
            let blanks = Int(min(max(0, (fragment.box.left - end) / width).rounded(), Float(mostBlanks)))
            end = fragment.box.right
            return (max(blanks, place == 0 ? 0 : 1), fragment)
        }
    }
}
