/// Finds where a second column begins: between two lines that cross it, enough lines are on both sides, and they fill their columns, as cells of tables do not; or they
/// are the cells of a table of two columns.
struct ColumnFinder {
    private let fragments: [Fragment]
    private var box: CharacterBox
    private static let snap: Float = 3
    private static let mostTableEdges = 12
    /// The narrowest strip between two columns, in points.
    private static let narrowest: Float = 7

    init(_ fragments: [Fragment]) {
        self.fragments = fragments.sorted { ($0.box.top, $0.box.left) < ($1.box.top, $1.box.left) }
        box = fragments[0].box
        for fragment in fragments { box.include(fragment.box) }
    }

    /// The left edge of the column, nil where the fragments are in one.
    func leftEdge() -> Float? {
        guard fragments.count >= 8 else { return nil }
        let best = best(of: candidates) { isColumns($0, $1) }
        guard let best, best.count >= 8, best.count * 5 >= fragments.count else { return nil }
        return best.edge
    }

    /// Where the second column of a table begins, between the lines that cross it; nil where there is none.
    func tableEdge() -> Float? {
        guard fragments.count >= 6 else { return nil }
        // Each has to be looked at closely: only those that most lines share.
        let candidates = candidates.sorted { $0.count > $1.count }.prefix(Self.mostTableEdges)
        return best(of: candidates) { band, _ in
            let cells = PairedCells(left: band.left, right: band.right)
            // Three rows are three notes in a margin as well.
            return cells.isTable && cells.rowCount > 3
        }?.edge
    }

    private func best(of candidates: some Sequence<(edge: Float, count: Int)>, _ counts: (Band, Float) -> Bool) -> (
        edge: Float, count: Int
    )? {
        var best: (edge: Float, count: Int)?
        for (edge, _) in candidates {
            let count = columnLines(edge, counts)
            if count > best?.count ?? 0 { best = (edge, count) }
        }
        return best
    }

    /// Left edges that several fragments share.
    private var candidates: [(edge: Float, count: Int)] {
        let starts = fragments.map(\.box.left).sorted()
        var found: [(edge: Float, count: Int)] = []
        var first = 0
        while first < starts.count {
            var end = first
            while end < starts.count, starts[end] - starts[first] <= Self.snap { end += 1 }
            let edge = starts[first]
            if end - first >= 2, edge > box.left + box.width * 0.15, edge < box.right - box.width * 0.12 {
                found.append((edge, end - first))
            }
            first = end
        }
        return found
    }

    private struct Band {
        var left: [Fragment] = []
        var right: [Fragment] = []
        var leftEnd = -Float.infinity
        var top = Float.infinity
        var bottom = -Float.infinity
    }

    /// How many fragments are in columns on both sides of the strip before `edge`.
    private func columnLines(_ edge: Float, _ counts: (Band, Float) -> Bool) -> Int {
        var count = 0
        var band = Band()
        func close() {
            if counts(band, edge) { count += band.left.count + band.right.count }
            band = Band()
        }
        for fragment in fragments {
            (band.top, band.bottom) = (min(band.top, fragment.box.top), max(band.bottom, fragment.box.bottom))
            if fragment.box.left >= edge - Self.snap {
                band.right.append(fragment)
            } else if fragment.box.right <= edge - Self.narrowest {
                band.left.append(fragment)
                band.leftEnd = max(band.leftEnd, fragment.box.right)
            } else {
                close()
            }
        }
        close()
        return count
    }

    private func isColumns(_ band: Band, _ edge: Float) -> Bool {
        guard band.left.count >= 3, band.right.count >= 3 else { return false }
        let (lefts, rights) = (band.left.map(\.box.width), band.right.map(\.box.width))
        let size = band.left.map(\.size).sorted()[band.left.count / 2]
        guard min(band.leftEnd - box.left, box.right - edge) > CellColumn.narrowest * size else {
            return false
        }
        if fills(lefts, band.leftEnd - box.left), fills(rights, box.right - edge) { return true }
        if isBetweenEqualColumns(band, edge) { return true }
        // A table, a list or code is in one of two columns of the same width.
        let middle = ((band.leftEnd + edge) / 2 - box.left) / box.width
        guard (0.45...0.55).contains(middle), band.bottom - band.top > 0.3 * box.height, !areRows(band) else {
            return false
        }
        let wide = lefts.count { $0 > 0.7 * (band.leftEnd - box.left) }
        return max(wide, rights.count { $0 > 0.7 * (box.right - edge) }) >= 4
    }

    /// Each line on the left has one beside it on the right and the other way round, all farther apart than lines of a paragraph, or with two cells on one side.
    private func areRows(_ band: Band) -> Bool {
        let (left, right) = (band.left.map(\.box.top).sorted(), band.right.map(\.box.top).sorted())
        func isIn(_ tops: [Float]) -> (Float) -> Bool {
            { top in
                var (low, high) = (0, tops.count)
                while low < high {
                    let middle = (low + high) / 2
                    if tops[middle] < top - 1 { low = middle + 1 } else { high = middle }
                }
                return low < tops.count && tops[low] <= top + 1
            }
        }
        let steps = zip(left, left.dropFirst()).map { $1 - $0 }.filter { $0 > 1 }.sorted()
        guard let first = band.left.first, let step = steps.first else { return false }
        let rows = steps.count + 1
        let hasCells = min(left.count, right.count) == rows && max(left.count, right.count) >= rows * 2
        return (step > CellColumn.spaced * first.size || hasCells)
            && left.allSatisfy(isIn(right)) && right.allSatisfy(isIn(left))
    }

    /// Of three columns and more the two beside the strip are of one width, and their lines fill them: cells of tables hardly ever do both.
    private func isBetweenEqualColumns(_ band: Band, _ edge: Float) -> Bool {
        let starts = band.left.map(\.box.left).sorted(by: >)
        // The innermost edge that lines of the left share.
        guard let start = zip(starts, starts.dropFirst(3)).first(where: { $0 - $1 <= Self.snap })?.1 else {
            return false
        }
        let firsts = band.right.filter { abs($0.box.left - edge) <= Self.snap }
        let end = firsts.reduce(edge) { max($0, $1.box.right) }
        let (left, right) = (
            band.left.filter { $0.box.left >= start - Self.snap }, band.right.filter { $0.box.left < end }
        )
        let (leftWidth, rightWidth) = (band.leftEnd - start, end - edge)
        // From edge to edge; of the last column only its width is known, which ragged lines show badly.
        let next = band.right.lazy.map(\.box.left).filter { $0 >= end }.min()
        let isEven =
            next.map { abs($0 - edge - (edge - start)) < 0.05 * (edge - start) }
            ?? (abs(leftWidth - rightWidth) < 0.25 * max(leftWidth, rightWidth))
        return isEven
            && [(left, leftWidth), (right, rightWidth)].allSatisfy { lines, width in
                let widths = lines.map(\.box.width).sorted()
                return lines.count >= 8 && width > CellColumn.narrowest * lines[0].size
                    && widths[widths.count / 2] > 0.66 * width
                    && widths[widths.count / 4] > 0.5 * width
            }
    }

    /// The upper quartile of the widths is near the column's, and most lines are no short cells.
    private func fills(_ widths: [Float], _ width: Float) -> Bool {
        let sorted = widths.sorted()
        return sorted[sorted.count * 3 / 4] > 0.7 * width && sorted[sorted.count / 2] > 0.4 * width
    }

    /// The empty strip before a column: it begins where most long lines of the column before end.
    func gutter(before edge: Float) -> ClosedRange<Float> {
        let ends = fragments.filter {
            $0.box.right <= edge - Self.snap && $0.box.left < edge && $0.box.width > 0.5 * (edge - box.left)
        }.map(\.box.right)
        let end = ends.isEmpty ? edge - 6 : ends.sorted()[ends.count * 9 / 10]
        return min(end, edge - 4)...edge
    }

    /// Whether the page may have a column there that others of its document have.
    func begins(at edge: Float) -> Bool {
        guard fragments.contains(where: { abs($0.box.left - edge) <= Self.snap }) else { return false }
        let crossing = fragments.count { $0.box.left < edge - Self.snap && $0.box.right > edge + 1 }
        return Double(crossing) <= 0.3 * Double(fragments.count)
    }
}
