import ExtractionWire

/// The cells of a table while its markup is read: an empty cell keeps its place, and a cell that spans others is repeated in them, so that each value stays in its column.
/// A table in a cell is a part of the outer row.
struct TableCells {
    private struct Cell {
        var start: Int
        var columns: Int
        var rows: Int
        /// It belongs to the cell above, which says that it goes on.
        var isContinued = false
    }

    /// Whether empty cells keep their place: in tables that lay a page out they say nothing.
    var keepsPlaces = true

    private var depth = 0
    private var column = 0
    private var cell: Cell?
    /// The last cell, and how many columns beside it are its own.
    private var spanning: (text: [UInt8], columns: Int) = ([], 0)
    /// What stands in each column, and in how many rows below it stands as well.
    private var above: [Int: (text: [UInt8], rows: Int)] = [:]
    /// A longer one is not repeated.
    private static let longest = 120
    private static let mostColumns = 32
    private static let mostRows = 200

    var isEmpty: Bool { depth == 0 }

    mutating func beginRow(_ builder: inout TextBuilder) {
        if isEmpty {
            builder.begin(.tableRow)
            (column, spanning) = (0, ([], 0))
        }
        depth += 1
    }

    /// - Parameter columns: and rows: how many of them the cell stands in, where its markup says so at once.
    mutating func beginCell(_ builder: inout TextBuilder, columns: Int = 1, rows: Int = 1) {
        guard depth == 1 else { return builder.separate() }
        fillSpans(&builder)
        next(&builder)
        cell = Cell(start: builder.text.count, columns: columns, rows: rows)
    }

    /// Of the open cell.
    mutating func setColumns(_ columns: Int) { if depth == 1 { cell?.columns = columns } }

    /// The open cell belongs to the one above it.
    mutating func setContinued() { if depth == 1 { cell?.isContinued = true } }

    mutating func endCell(_ builder: inout TextBuilder) {
        guard depth == 1, let cell else { return }
        self.cell = nil
        // A table in the cell may have ended the row.
        var text = builder.isInside(.tableRow) ? Self.text(of: builder, from: cell.start) : []
        if cell.isContinued, text.isEmpty {
            text = above[column]?.text ?? []
            append(text, to: &builder)
        }
        let columns = min(max(cell.columns, 1), Self.mostColumns)
        if column + columns <= 4 * Self.mostColumns {
            for place in column..<column + columns { above[place] = (text, min(max(cell.rows, 1), Self.mostRows) - 1) }
        }
        column += 1
        spanning = (text, columns - 1)
    }

    mutating func endRow(_ builder: inout TextBuilder) {
        depth = max(0, depth - 1)
        guard isEmpty else { return builder.softBreak() }
        // A cell over the whole table is a title.
        if column <= 1 { spanning = ([], 0) }
        fillColumns(&builder)
        if !above.isEmpty { fillSpans(&builder) }
        builder.end()
    }

    mutating func endTable() { if isEmpty { above = [:] } }

    private mutating func next(_ builder: inout TextBuilder) {
        fillColumns(&builder)
        guard column > 0 else { return }
        if keepsPlaces { builder.keepPlace() } else { builder.separate() }
    }

    private mutating func fillColumns(_ builder: inout TextBuilder) {
        let (text, columns) = spanning
        spanning = ([], 0)
        for _ in 0..<columns {
            next(&builder)
            append(text, to: &builder)
            column += 1
        }
    }

    /// Cells of rows above that stand in this row, too.
    private mutating func fillSpans(_ builder: inout TextBuilder) {
        fillColumns(&builder)
        while let (text, rows) = above[column], rows > 0 {
            next(&builder)
            append(text, to: &builder)
            above[column]?.rows = rows - 1
            column += 1
        }
    }

    private func append(_ text: [UInt8], to builder: inout TextBuilder) {
        guard text.count <= Self.longest else { return }
        text.withUnsafeBufferPointer { builder.append($0) }
    }

    private static func text(of builder: TextBuilder, from start: Int) -> [UInt8] {
        guard start < builder.text.count else { return [] }
        return Array(builder.text[start...].drop { [0x0A, 0x20, 0x7C].contains($0) })
    }
}
