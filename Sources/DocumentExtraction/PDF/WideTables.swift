/// Tables that are as wide as a page whose text is in columns, and have a gap between two cells where the columns have theirs.
struct WideTables {
    private static let fewestRows = 3
    /// Of what it has from one column to the next.
    private static let fullest: Float = 0.45
    /// In points.
    private static let aligned: Float = 3

    private let fragments: [Fragment]
    private let gutter: ClosedRange<Float>
    /// Where fragments behind the gutter begin, from the left.
    private let starts: [Float]
    /// By fragment.
    private(set) var isInside: [Bool]

    init(_ fragments: [Fragment], gutter: ClosedRange<Float>) {
        (self.fragments, self.gutter) = (fragments, gutter)
        starts = fragments.map(\.box.left).filter { $0 >= gutter.upperBound - Self.aligned }.sorted()
        isInside = Array(repeating: false, count: fragments.count)
        var table: [[Int]] = []
        for row in rows() + [[]] {
            if isRow(row), table.last.map({ isAligned($0, row) }) ?? true {
                table.append(row)
                continue
            }
            close(table)
            table = isRow(row) ? [row] : []
        }
    }

    /// Indices of what stands side by side, from the top, each row from left to right.
    private func rows() -> [[Int]] {
        var rows: [[Int]] = []
        let order = fragments.indices.sorted { fragments[$0].box.top < fragments[$1].box.top }
        for index in order {
            if let first = rows.last?.first, fragments[first].box.isBeside(fragments[index].box) {
                rows[rows.count - 1].append(index)
            } else {
                rows.append([index])
            }
        }
        return rows.map { $0.sorted { fragments[$0].box.left < fragments[$1].box.left } }
    }

    /// At least two cells on either side.
    private func isRow(_ row: [Int]) -> Bool {
        let left = row.count { fragments[$0].box.left < gutter.upperBound - Self.aligned }
        return left >= 2 && row.count - left >= 2
    }

    private func isAligned(_ row: [Int], _ next: [Int]) -> Bool {
        row.count == next.count
            && zip(row, next).allSatisfy { abs(fragments[$0].box.left - fragments[$1].box.left) < Self.aligned }
    }

    private mutating func close(_ table: [[Int]]) {
        guard table.count >= Self.fewestRows, isOfCells(table), isEven(table[0]) || isInGutter(table[0]) else { return }
        for index in table.joined() { isInside[index] = true }
    }

    /// Lines of four columns of text stand side by side as well, and fill them.
    private func isOfCells(_ table: [[Int]]) -> Bool {
        var (full, count) = (0, 0)
        for row in table {
            for (cell, next) in zip(row, row.dropFirst()) {
                let step = fragments[next].box.left - fragments[cell].box.left
                count += 1
                if fragments[cell].box.width > Self.fullest * step { full += 1 }
            }
        }
        return full * 4 < count
    }

    /// Its columns are as far apart across the gutter as on either side of it.
    private func isEven(_ row: [Int]) -> Bool {
        let steps = zip(row, row.dropFirst()).map { fragments[$1].box.left - fragments[$0].box.left }
        let (least, most) = (steps.min()!, steps.max()!)
        return steps.count >= 3 && most - least < 0.1 * most
    }

    /// Its first cell behind the gutter begins where no line of the column does.
    private func isInGutter(_ row: [Int]) -> Bool {
        let edge = row.map { fragments[$0].box.left }.first { $0 >= gutter.upperBound - Self.aligned }!
        return count(edge + 2, edge + 12) > count(edge - 2, edge + 2)
    }

    private func count(_ from: Float, _ to: Float) -> Int { first(to) - first(from) }

    private func first(_ left: Float) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < left { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
