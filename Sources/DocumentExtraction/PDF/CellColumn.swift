/// The lines of one column of a table, or of one side of a page, and whether each begins something of its own.
struct CellColumn {
    enum Opening {
        /// There is room above it.
        case apart
        /// Its first word would have fitted on the line above, or it is one of many numbers.
        case own
        case continues
        /// The column is too narrow for its lines to say anything.
        case unknown

        var begins: Bool { self == .apart || self == .own }
    }

    /// What is side by side in the column.
    struct Line {
        var fragments: [Fragment]
        var box: CharacterBox
        var firstWord: Float
        var opening = Opening.own
        var size: Float { fragments.reduce(0) { max($0, $1.size) } }
        /// The room above it holds a line.
        var isFarApart = false
    }

    /// No column of running text is narrower, in sizes of its font.
    static let narrowest: Float = 9.5
    /// Lines that are farther apart are no lines of a paragraph, in sizes of their font. (Boxes of characters are of any height.)
    static let spaced: Float = 1.45

    private(set) var lines: [Line] = []

    private init(_ fragments: [Fragment]) {
        for fragment in fragments.sorted(by: { ($0.box.top, $0.box.left) < ($1.box.top, $1.box.left) }) {
            if let last = lines.last, last.box.isBeside(fragment.box) {
                let place = lines.count - 1
                if fragment.box.left < last.box.left { lines[place].firstWord = fragment.firstWord }
                lines[place].fragments.append(fragment)
                lines[place].box.include(fragment.box)
            } else {
                lines.append(Line(fragments: [fragment], box: fragment.box, firstWord: fragment.firstWord))
            }
        }
        for place in lines.indices where lines[place].fragments.count > 1 {
            lines[place].fragments.sort { $0.box.left < $1.box.left }
        }
    }

    /// Columns that stand side by side: the lines of a paragraph are as far apart in one as in the other.
    static func columns(_ fragments: [[Fragment]]) -> [CellColumn] {
        var columns = fragments.map { CellColumn($0) }
        let leading = columns.compactMap(\.leading).min() ?? 0
        for place in columns.indices { columns[place].setOpenings(leading, isFirst: place == 0) }
        return columns
    }

    /// The space between two lines of a paragraph; nil where there are too few lines to tell.
    private var leading: Float? {
        guard lines.count >= 3 else { return nil }
        let gaps = zip(lines, lines.dropFirst()).map { $1.box.top - $0.box.bottom }.sorted()
        return gaps[gaps.count / 4]
    }

    private mutating func setOpenings(_ leading: Float, isFirst: Bool) {
        guard let first = lines.first else { return }
        let (start, end) = lines.reduce((first.box.left, first.box.right)) {
            (min($0.0, $1.box.left), max($0.1, $1.box.right))
        }
        let isNarrow = end - start < Self.narrowest * first.size
        let isOfNumbers = !isFirst && lines.count { $0.fragments[0].isNumber } * 5 > lines.count * 3
        for place in lines.indices.dropFirst() {
            let (above, line) = (lines[place - 1].box, lines[place].box)
            let height = min(above.height, line.height)
            let room = line.top - above.bottom - leading
            lines[place].isFarApart = room > 0.8 * height
            if room > 0.25 * height {
                lines[place].opening = .apart
            } else if isOfNumbers, lines[place].fragments[0].isNumber {
                lines[place].opening = .own
            } else if above.right + 0.25 * height + lines[place].firstWord < end - 0.25 * height {
                lines[place].opening = .own
            } else {
                lines[place].opening = isNarrow ? .unknown : .continues
            }
        }
        // Lines that are far apart, and too short for a paragraph.
        guard lines.dropFirst().count(where: { $0.opening == .own }) * 3 > lines.count else { return }
        for place in lines.indices.dropFirst() {
            let step = lines[place].box.top - lines[place - 1].box.top
            if step > Self.spaced * lines[place].size { lines[place].opening = .apart }
        }
    }
}
