/// The cells of a sheet's row.
struct SheetCells {
    private var records = RecordTable()
    private var cells: [String] = []
    private var cell: [UInt8]?
    private var date: String?
    private var repeats = 1
    private static let mostColumns = 16_384

    var isInCell: Bool { cell != nil }

    mutating func beginRow() { cells = [] }

    mutating func beginCell(_ attributes: MarkupAttributes) {
        repeats = attributes["number-columns-repeated"].flatMap { Int($0) } ?? 1
        // ISO 8601, whatever the cell shows (ODF 1.3 part 3, §19.370).
        date = attributes["value-type"] == "date" ? attributes["date-value"] : nil
        cell = []
    }

    mutating func add(_ text: some Sequence<UInt8>) { cell?.append(contentsOf: text) }

    mutating func endCell() {
        guard let cell else { return }
        self.cell = nil
        let text = date?.replacing("T", with: " ") ?? String(String(decoding: cell, as: UTF8.self).trimmed)
        // Sheets end with thousands of empty cells in one.
        if repeats < Self.mostColumns, repeats > 0, cells.count + repeats <= Self.mostColumns,
            !text.isEmpty || repeats < 64
        {
            cells += Array(repeating: text, count: repeats)
        }
    }

    mutating func endRow(_ builder: inout TextBuilder) { records.add(cells, to: &builder) }

    mutating func end(_ builder: inout TextBuilder) { records.end(&builder) }
}
