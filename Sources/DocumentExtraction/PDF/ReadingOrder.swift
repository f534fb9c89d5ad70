/// A line as it is read: the fragments of one column that are side by side, or the cells of a table's row.
struct PageLine {
    var fragments: [Fragment]
    var box: CharacterBox
    /// Cells of a table, each of them its fragments in order; nil for running text.
    var cells: [[Fragment]]?

    init(_ fragments: [Fragment], cells: [[Fragment]]? = nil) {
        self.fragments = fragments
        self.cells = cells
        box = fragments[0].box
        for fragment in fragments.dropFirst() { box.include(fragment.box) }
    }

    var mirrored: PageLine { PageLine(fragments.map(\.mirrored), cells: cells?.map { $0.map(\.mirrored) }) }

    var size: Float { fragments.reduce(0) { max($0, $1.size) } }
    var isBold: Bool { fragments.allSatisfy(\.isBold) }
}

/// The order in which a page is read: columns from left to right between what spans them, rows of tables cell by cell.
struct ReadingOrder {
    /// Where a column begins that most pages of the document have; a page with few lines shows it badly.
    var usualColumn: Float?

    private static let maximumColumns = 4

    /// A page of scripts that run from right to left is read as its mirror image.
    func lines(_ fragments: [Fragment]) -> [PageLine] {
        guard fragments.isRightToLeft else { return region(fragments, depth: 0) }
        return region(fragments.map(\.mirrored), depth: 0).map(\.mirrored)
    }

    /// The left edge of the second column, where the fragments are in columns.
    func column(_ fragments: [Fragment]) -> Float? {
        guard fragments.count >= 8 else { return nil }
        return ColumnFinder(fragments.isRightToLeft ? fragments.map(\.mirrored) : fragments).leftEdge()
    }

    private func region(_ fragments: [Fragment], depth: Int) -> [PageLine] {
        guard fragments.count > 1 else { return fragments.isEmpty ? [] : [PageLine(fragments)] }
        let finder = ColumnFinder(fragments)
        let column = depth < Self.maximumColumns ? edge(fragments, finder, depth) : nil
        guard let edge = column ?? finder.tableEdge() else { return TableRows.lines(fragments) }
        let gutter = finder.gutter(before: edge)
        let spans = spanning(fragments, gutter)
        var lines: [PageLine] = []
        var (left, right, spanning) = ([Fragment](), [Fragment](), [Fragment]())
        func flushColumns() {
            if let rows = PairedCells(left: left, right: right).table() {
                lines += rows
            } else if column == nil {
                lines += TableRows.lines(left + right)
            } else {
                lines += region(left, depth: depth + 1) + region(right, depth: depth + 1)
            }
            (left, right) = ([], [])
        }
        func flushSpanning() {
            lines += TableRows.lines(spanning)
            spanning = []
        }
        let order = fragments.indices.sorted {
            (fragments[$0].box.top, fragments[$0].box.left) < (fragments[$1].box.top, fragments[$1].box.left)
        }
        for index in order {
            let fragment = fragments[index]
            if spans[index] {
                flushColumns()
                spanning.append(fragment)
            } else {
                flushSpanning()
                if fragment.box.left < gutter.upperBound - 3 { left.append(fragment) } else { right.append(fragment) }
            }
        }
        flushColumns()
        flushSpanning()
        return lines
    }

    /// What is in the gutter, and what is next to that: titles, and rows of tables that are as wide as the page.
    private func spanning(_ fragments: [Fragment], _ gutter: ClosedRange<Float>) -> [Bool] {
        let middle = (gutter.lowerBound + gutter.upperBound) / 2
        let crossing = fragments.map { fragment in
            fragment.box.left < middle && fragment.box.right > max(middle, gutter.upperBound - 3)
                || fragment.box.left > gutter.lowerBound + 1 && fragment.box.right < gutter.upperBound - 1
        }
        let tables = WideTables(fragments, gutter: gutter).isInside
        let crossed = fragments.indices.filter { crossing[$0] || tables[$0] }.map { fragments[$0].box }
        return fragments.indices.map { index in
            crossing[index] || tables[index] || crossed.contains { $0.isBeside(fragments[index].box) }
        }
    }

    private func edge(_ fragments: [Fragment], _ finder: ColumnFinder, _ depth: Int) -> Float? {
        if let edge = finder.leftEdge() { return edge }
        guard depth == 0, let usualColumn else { return nil }
        return finder.begins(at: usualColumn) ? usualColumn : nil
    }
}
