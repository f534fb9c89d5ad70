/// Tells a table of two columns of text (terms and what they mean, questions and answers, services and prices) from columns of running text, which look alike: both
/// have lines on the left and on the right of an empty strip.
///
/// Running text begins a paragraph where it likes on each side; the cells of a row begin together, and the shorter one leaves room below it.
struct PairedCells {
    private typealias Start = (left: Int, right: Int)

    /// Lines of a cell, on average: notes in a margin stand farther apart.
    private static let longestCell = 8

    private let left: [CellColumn.Line]
    private let right: [CellColumn.Line]
    /// Where both cells certainly begin.
    private var rows: [Start] = []

    init(left: [Fragment], right: [Fragment]) {
        let columns = CellColumn.columns([left, right])
        (self.left, self.right) = (columns[0].lines, columns[1].lines)
        rows = starts { $0.opening.begins && $1.opening.begins }
    }

    var rowCount: Int { rows.count }
    var isTable: Bool { left.count >= 3 && right.count >= 3 && isInOneColumnEach && isPaired }

    /// The rows, each with its two cells; nil where the sides are columns of running text.
    func table() -> [PageLine]? {
        guard isTable else { return nil }
        // Known to be a table: a cell that leaves room below it ends its row, even where the line beside it is full by chance.
        let rows = starts { $0.opening.begins && $1.opening.begins || $0.isFarApart || $1.isFarApart }
        return rows.indices.map { place in
            let cells = [left[span(rows, place, \.left, left.count)], right[span(rows, place, \.right, right.count)]]
                .map { $0.flatMap(\.fragments) }
            let all = cells.flatMap { $0 }
            return PageLine(all, cells: all.isRightToLeft ? cells.reversed() : cells)
        }
    }

    private func span(_ rows: [Start], _ row: Int, _ side: KeyPath<Start, Int>, _ count: Int) -> Range<Int> {
        rows[row][keyPath: side]..<(row + 1 < rows.count ? rows[row + 1][keyPath: side] : count)
    }

    /// Most of what begins on one side begins with something on the other, and the cells of a row differ in length or are single lines.
    private var isPaired: Bool {
        let begun = left.count(where: \.opening.begins) + right.count(where: \.opening.begins)
        guard rows.count >= 3, Double(rows.count * 2) >= 0.75 * Double(begun),
            max(left.count, right.count) <= Self.longestCell * rows.count
        else { return false }
        var (uneven, single) = (0, 0)
        for place in rows.indices {
            let (lefts, rights) = (span(rows, place, \.left, left.count), span(rows, place, \.right, right.count))
            if lefts.count == 1, rights.count == 1 { single += 1 }
            // Columns of running text end where they like, too.
            if lefts.count != rights.count, place < rows.count - 1 { uneven += 1 }
        }
        return uneven * 3 >= rows.count || (single + uneven) * 10 >= rows.count * 9 && isSpaced
    }

    /// No side is itself in columns.
    private var isInOneColumnEach: Bool {
        [left, right].allSatisfy { lines in lines.count { $0.fragments.count == 1 } * 5 >= lines.count * 4 }
    }

    /// Rows of single lines are farther apart than lines of a paragraph; lists in two columns are not.
    private var isSpaced: Bool {
        let steps = zip(left, left.dropFirst()).map { ($1.box.top - $0.box.top) / $0.size }.sorted()
        return !steps.isEmpty && steps[steps.count / 2] > CellColumn.spaced
    }

    /// The first lines of rows: beside each other where `begins` holds, or below room that both sides leave.
    private func starts(_ begins: (CellColumn.Line, CellColumn.Line) -> Bool) -> [Start] {
        var found = [(left: 0, right: 0)]
        var (place, other) = (1, 1)
        while place < left.count, other < right.count {
            let (line, beside) = (left[place].box, right[other].box)
            let height = min(line.height, beside.height)
            let isAligned = min(abs(line.top - beside.top), abs(line.bottom - beside.bottom)) < 0.4 * height
            let above = max(left[place - 1].box.bottom, right[other - 1].box.bottom)
            let hasRoom = min(line.top, beside.top) - above > 0.3 * height
            if isAligned
                ? begins(left[place], right[other])
                : hasRoom && left[place].opening.begins && right[other].opening.begins
            {
                found.append((place, other))
                (place, other) = (place + 1, other + 1)
            } else if line.top < beside.top {
                place += 1
            } else {
                other += 1
            }
        }
        return found
    }
}
