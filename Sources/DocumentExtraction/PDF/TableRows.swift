/// Lines of one column from top to bottom; where fragments of several lines are below each other next to a common gap, they are a table.
enum TableRows {
    static func lines(_ fragments: [Fragment]) -> [PageLine] {
        let rows = rows(fragments)
        var lines: [PageLine] = []
        var index = 0
        while index < rows.count {
            if let table = Table(rows, from: index) {
                lines += table.lines
                index = table.end
            } else {
                lines.append(PageLine(rows[index]))
                index += 1
            }
        }
        return lines
    }

    /// What is side by side, from top to bottom.
    private static func rows(_ fragments: [Fragment]) -> [[Fragment]] {
        var rows: [[Fragment]] = []
        for fragment in fragments.sorted(by: { ($0.box.top, $0.box.left) < ($1.box.top, $1.box.left) }) {
            // Not the last row alone: a tall character makes two rows overlap.
            if let place = rows.indices.suffix(2).last(where: { rows[$0][0].box.isBeside(fragment.box) }) {
                rows[place].append(fragment)
            } else {
                rows.append([fragment])
            }
        }
        return rows.map { row in
            let isRightToLeft = row.isRightToLeft
            return row.sorted { isRightToLeft ? $0.box.left > $1.box.left : $0.box.left < $1.box.left }
        }
    }

    private struct Table {
        private(set) var lines: [PageLine] = []
        private(set) var end: Int

        /// A row that belongs to a table shares a gap with the rows above it.
        init?(_ rows: [[Fragment]], from start: Int) {
            guard rows[start].count > 1 else { return nil }
            var gaps = Self.gaps(rows[start])
            var end = start + 1
            var full = 1
            while end < rows.count {
                let left = Self.free(gaps, rows[end])
                guard !left.isEmpty, Self.isNear(rows[end - 1], rows[end]) else { break }
                // A single line that reaches beyond the first gap's left side is text after the table.
                if rows[end].count == 1, left.count < gaps.count { break }
                gaps = left
                if rows[end].count > 1 { full += 1 }
                end += 1
            }
            guard full >= 2 else { return nil }
            let openings = Self.openings(rows[start..<end], gaps)
            end = start + Self.rowsOfTable(Array(rows[start..<end]), openings)
            self.end = end
            lines = Self.merge(Array(rows[start..<end]), gaps, Array(openings.prefix(end - start)))
        }

        private static func gaps(_ row: [Fragment]) -> [ClosedRange<Float>] {
            let row = row.sorted { $0.box.left < $1.box.left }
            return zip(row, row.dropFirst()).compactMap {
                $0.box.right < $1.box.left ? $0.box.right...$1.box.left : nil
            }
        }

        /// What remains of the gaps next to a row's fragments.
        private static func free(_ gaps: [ClosedRange<Float>], _ row: [Fragment]) -> [ClosedRange<Float>] {
            gaps.compactMap { gap in
                var (lower, upper) = (gap.lowerBound, gap.upperBound)
                for fragment in row {
                    let (left, right) = (fragment.box.left, fragment.box.right)
                    guard right > lower, left < upper else { continue }
                    if left <= lower { lower = right } else if right >= upper { upper = left } else { return nil }
                }
                return upper - lower > 2 ? lower...upper : nil
            }
        }

        /// What follows the last row with several cells may be text: it is of the table as far as cells above go on as long.
        private static func rowsOfTable(_ rows: [[Fragment]], _ openings: [[Int: CellColumn.Opening]]) -> Int {
            func isFirstCell(_ row: Int) -> Bool { rows[row].count == 1 && openings[row][0] != nil }
            var end = rows.count
            while end > 1, isFirstCell(end - 1) { end -= 1 }
            var (run, longest) = (0, 0)
            for row in 0..<end {
                run = isFirstCell(row) ? run + 1 : 0
                longest = max(longest, run)
            }
            let limit = min(rows.count, end + longest)
            while end < limit, openings[end][0] == .continues, !isParted(rows[end - 1], rows[end]) { end += 1 }
            return end
        }

        private static func isParted(_ above: [Fragment], _ row: [Fragment]) -> Bool {
            let bottom = above.reduce(-Float.infinity) { max($0, $1.box.bottom) }
            return row[0].box.top - bottom > 0.3 * row[0].box.height
        }

        private static func isNear(_ above: [Fragment], _ row: [Fragment]) -> Bool {
            let bottom = above.reduce(-Float.infinity) { max($0, $1.box.bottom) }
            return row[0].box.top - bottom < 2.5 * row[0].box.height
        }

        private static func column(_ fragment: Fragment, _ gaps: [ClosedRange<Float>]) -> Int {
            gaps.count { $0.lowerBound < fragment.box.left + 0.5 }
        }

        /// Rows are separated by more than the lines of a cell, where cells have several; else a row begins where its cells do.
        private static func merge(
            _ rows: [[Fragment]],
            _ gaps: [ClosedRange<Float>],
            _ openings: [[Int: CellColumn.Opening]]
        ) -> [PageLine] {
            var groups: [[Fragment]] = []
            var bottom = -Float.infinity
            var hasWrapped = false
            for fragment in rows.joined().sorted(by: { $0.box.top < $1.box.top }) {
                if groups.isEmpty || fragment.box.top - bottom > 0.3 * fragment.box.height {
                    groups.append([fragment])
                } else {
                    groups[groups.count - 1].append(fragment)
                }
                bottom = max(bottom, fragment.box.bottom)
                let group = groups[groups.count - 1]
                if bottom - group[0].box.top > 1.6 * fragment.box.height { hasWrapped = true }
            }
            if groups.count < 2 || !hasWrapped { groups = split(rows, openings) }
            let isRightToLeft = Array(rows.joined()).isRightToLeft
            return groups.map { group in
                var cells: [[Fragment]] = Array(repeating: [], count: gaps.count + 1)
                for fragment in group.sorted(by: { ($0.box.top, $0.box.left) < ($1.box.top, $1.box.left) }) {
                    cells[column(fragment, gaps)].append(fragment)
                }
                if isRightToLeft { cells.reverse() }
                return PageLine(cells.flatMap { $0 }, cells: cells)
            }
        }

        /// How the cells of each line open, by their columns.
        private static func openings(_ rows: ArraySlice<[Fragment]>, _ gaps: [ClosedRange<Float>]) -> [[Int: CellColumn
            .Opening]]
        {
            var cells: [[Fragment]] = Array(repeating: [], count: gaps.count + 1)
            for fragment in rows.joined() { cells[column(fragment, gaps)].append(fragment) }
            let columns = CellColumn.columns(cells)
            var next = Array(repeating: 0, count: columns.count)
            return rows.map { row in
                var found: [Int: CellColumn.Opening] = [:]
                for fragment in row {
                    let column = column(fragment, gaps)
                    let lines = columns[column].lines
                    while next[column] + 1 < lines.count,
                        lines[next[column]].box.bottom < fragment.box.bottom - 0.5 * fragment.box.height
                    { next[column] += 1 }
                    found[column] = lines[next[column]].opening
                }
                return found
            }
        }

        private static func split(_ rows: [[Fragment]], _ openings: [[Int: CellColumn.Opening]]) -> [[Fragment]] {
            // Where cells go on below, some lines hold fewer of them.
            let hasWrapped = openings.count { $0.count == 1 } * 10 > openings.count
            var groups: [[Fragment]] = []
            for (row, cells) in zip(rows, openings) {
                let begins = begins(cells) || cells.count > 1 && cells[0] != nil && !hasWrapped
                if begins || groups.isEmpty { groups.append(row) } else { groups[groups.count - 1] += row }
            }
            return groups
        }

        /// A line under an empty first cell goes on with the row above, but for one with room above it.
        private static func begins(_ cells: [Int: CellColumn.Opening]) -> Bool {
            if cells.values.contains(.apart) { return true }
            guard let first = cells[0] else { return false }
            return first == .unknown || cells.values.contains(.own)
        }
    }
}
