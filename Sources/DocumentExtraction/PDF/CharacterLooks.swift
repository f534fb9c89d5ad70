/// Where on a page letters are bold or white, as poppler tells it by the place of each character.
struct CharacterLooks {
    private struct Cell: Hashable {
        var column: Int
        var row: Int
    }

    /// Of those letters, by the squares of the page that their boxes have their middle in.
    private var marked: [Cell: [(box: CharacterBox, style: TextStyle)]] = [:]
    /// In points.
    private static let cell: Float = 16
    /// Letters of three points fill a square with 30.
    private static let mostInCell = 256

    var isPlain: Bool { marked.isEmpty }

    init(_ styles: [TextStyle], _ boxes: UnsafeBufferPointer<CharacterBox>) {
        for style in styles where (style.isBold || style.isWhite) && style.start >= 0 {
            for place in style.start..<max(style.start, min(style.end + 1, boxes.count)) {
                guard let cell = Self.cell(boxes[place]) else { continue }
                if marked[cell]?.count ?? 0 < Self.mostInCell {
                    marked[cell, default: []].append((boxes[place], style))
                }
            }
        }
    }

    /// The looks of characters of the page whose sizes are known.
    func styles(of boxes: [CharacterBox], sizes: [TextStyle]) -> [TextStyle] {
        sizes.flatMap { size in
            (size.start...size.end).reduce(into: [TextStyle]()) { styles, place in
                let look = style(at: boxes[place])
                let (isBold, isWhite) = (look?.isBold ?? false, look?.isWhite ?? false)
                if let last = styles.last, last.isBold == isBold, last.isWhite == isWhite {
                    styles[styles.count - 1].end = place
                } else {
                    styles.append(
                        TextStyle(start: place, end: place, size: size.size, isBold: isBold, isWhite: isWhite)
                    )
                }
            }
        }
    }

    private func style(at box: CharacterBox) -> TextStyle? {
        guard let cell = Self.cell(box) else { return nil }
        let (x, y) = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        for column in (cell.column - 1)...(cell.column + 1) {
            for row in (cell.row - 1)...(cell.row + 1) {
                for other in marked[Cell(column: column, row: row)] ?? [] {
                    let isInside = (other.box.left...max(other.box.left, other.box.right)).contains(x)
                    if isInside, (other.box.top...max(other.box.top, other.box.bottom)).contains(y) {
                        return other.style
                    }
                }
            }
        }
        return nil
    }

    private static func cell(_ box: CharacterBox) -> Cell? {
        let (x, y) = ((box.left + box.right) / 2 / cell, (box.top + box.bottom) / 2 / cell)
        guard abs(x) < 1e6, abs(y) < 1e6 else { return nil }
        return Cell(column: Int(x), row: Int(y))
    }
}
