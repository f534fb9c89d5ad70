/// Tells tables from tables that lay a page out, as curricula, forms and minutes do: cells with headings in them, or one cell alone with paragraphs.
struct WordTables {
    private struct Shape {
        var number: Int
        var cells = 0
        var paragraphs = 0
        var longest = 0
        var rows = 0
        /// Headings in a row below the first, which may be the table's own.
        var hasHeading = false
        var hasTitle = false
    }

    /// Numbers of tables, in the order in which they begin.
    private(set) var layoutTables: Set<Int> = []
    private var open: [Shape] = []
    private(set) var count = 0
    /// A cell of few rows with so many paragraphs is a page's column.
    private static let manyParagraphs = 4

    mutating func begin() {
        open.append(Shape(number: count))
        count += 1
    }

    mutating func addRow() { change { $0.rows += 1 } }

    mutating func addCell() {
        change {
            $0.cells += 1
            $0.paragraphs = 0
        }
    }

    mutating func addParagraph() {
        change {
            $0.paragraphs += 1
            $0.longest = max($0.longest, $0.paragraphs)
        }
    }

    mutating func addHeading() { change { if $0.rows > 1 { $0.hasHeading = true } else { $0.hasTitle = true } } }

    mutating func end() {
        guard let table = open.popLast() else { return }
        if table.hasHeading || table.hasTitle && table.rows == 1 || table.cells == 1 && table.longest > 1
            || table.rows <= 2 && table.longest >= Self.manyParagraphs
        {
            layoutTables.insert(table.number)
        }
    }

    private mutating func change(_ body: (inout Shape) -> Void) { if !open.isEmpty { body(&open[open.count - 1]) } }
}
