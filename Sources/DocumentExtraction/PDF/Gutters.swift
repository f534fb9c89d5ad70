/// Strips between columns that are hardly wider than the blanks of a loose line, as columns of LaTeX have them: line after line has a gap in the same place. Cells of a
/// narrow table are no farther apart than words: row after row has as many of them, and every gap in the same place.
struct Gutters {
    /// A line from the top: its ends, its letters' size, and the gaps between its words from left to right.
    struct Line {
        var ends: ClosedRange<Float>
        var size: Float
        var gaps: [Gap] = []
    }

    struct Gap: Equatable {
        var left: Float
        var right: Float
    }

    /// Of the letters' size: the narrowest strip, and what stands on either side of it.
    private static let narrowest: Float = 0.45
    /// The narrowest gap between two words.
    static let narrowestGap: Float = 0.15
    private static let fewestRows = 3
    private static let cells = 3...12
    private static let uneven: Float = 1.5
    private static let narrowestColumn: Float = 4
    /// In blanks of loose lines, rivers of this length are rare.
    private static let fewestLines = 6
    private static let mostLines = 2000
    private static let mostPlaces = 2000

    /// By line, which of its gaps are such strips.
    private(set) var found: [[Gap]]

    init(_ lines: [Line]) {
        found = Array(repeating: [], count: lines.count)
        addTables(lines)
        guard lines.count >= Self.fewestLines, lines.count <= Self.mostLines else { return }
        let lines = lines.map { line in
            let gaps = line.gaps.filter { $0.right - $0.left > Self.narrowest * line.size }
            return Line(ends: line.ends, size: line.size, gaps: gaps)
        }
        let (left, right) = (lines.map(\.ends.lowerBound).min()!, lines.map(\.ends.upperBound).max()!)
        let width = Int(min(right - left, Float(Self.mostPlaces)))
        // By point of the page's width: the lines with a gap there, since one ran across.
        var open = Array(repeating: Strip(), count: width + 1)
        for (number, line) in lines.enumerated() {
            let edge = Self.narrowestColumn * line.size
            var next = 0
            for place in 0...width {
                let x = left + Float(place)
                guard line.ends.contains(x) else { continue }
                while next < line.gaps.count, line.gaps[next].right < x { next += 1 }
                if next < line.gaps.count, line.gaps[next].left <= x {
                    open[place].numbers.append(number)
                    // A mark before its item is no column.
                    if x - line.ends.lowerBound > edge, line.ends.upperBound - x > edge { open[place].count += 1 }
                } else {
                    close(&open[place], at: x, lines)
                }
            }
        }
        for place in open.indices { close(&open[place], at: left + Float(place), lines) }
    }

    private mutating func addTables(_ lines: [Line]) {
        var (first, common) = (0, [Gap]())
        func rows(to end: Int) -> Range<Int>? {
            guard end - first >= Self.fewestRows, Self.cells.contains(common.count + 1) else { return nil }
            // Lines that repeat the same words have the same blanks.
            let widths = lines[first..<end].lazy.flatMap(\.gaps).map { $0.right - $0.left }
            return widths.max()! > Self.uneven * widths.min()! ? first..<end : nil
        }
        for (number, line) in lines.enumerated() {
            let shared = zip(common, line.gaps).map {
                Gap(left: max($0.left, $1.left), right: min($0.right, $1.right))
            }
            if number > first, line.gaps.count == common.count, shared.allSatisfy({ $0.right - $0.left >= 1 }) {
                common = shared
                continue
            }
            for row in rows(to: number) ?? 0..<0 { found[row] = lines[row].gaps }
            (first, common) = (number, line.gaps)
        }
        for row in rows(to: lines.count) ?? 0..<0 { found[row] = lines[row].gaps }
    }

    private mutating func close(_ strip: inout Strip, at x: Float, _ lines: [Line]) {
        if strip.count >= Self.fewestLines {
            for number in strip.numbers {
                let gap = lines[number].gaps.first { $0.left <= x && x <= $0.right }!
                if !found[number].contains(gap) { found[number].append(gap) }
            }
        }
        strip = Strip()
    }

    /// Lines with a gap in the same place, and how many of them are long on either side of it.
    private struct Strip {
        var numbers: [Int] = []
        var count = 0
    }
}
