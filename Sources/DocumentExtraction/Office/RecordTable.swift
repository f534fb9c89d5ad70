import ExtractionWire

/// Rows of a sheet or a CSV file. The first row names the columns where it looks like names, and each value is written with its column's name:
/// a chunk from the middle of a table says what its values are.
struct RecordTable {
    private var header: [String]?
    private var isFirst = true

    mutating func add(_ cells: [String], to builder: inout TextBuilder) {
        var cells = cells
        while cells.last?.isEmpty == true { cells.removeLast() }
        guard !cells.isEmpty else { return }
        if isFirst {
            // Titles and remarks above a table have one cell.
            guard cells.count(where: { !$0.isEmpty }) > 1 else { return append(cells, to: &builder) }
            isFirst = false
            if Self.looksLikeNames(cells) { header = cells }
            return append(cells, to: &builder)
        }
        guard let header else { return append(cells, to: &builder) }
        let named = cells.enumerated().filter { !$0.element.isEmpty }.map { index, cell in
            let name = index < header.count ? header[index] : ""
            return name.isEmpty ? cell : "\(name): \(cell)"
        }
        append(named, to: &builder)
    }

    private func append(_ cells: [String], to builder: inout TextBuilder) {
        builder.begin(.tableRow)
        for cell in cells {
            builder.append(cell)
            builder.separate()
        }
        builder.end()
    }

    /// Names are words, not numbers, and each occurs once.
    private static func looksLikeNames(_ cells: [String]) -> Bool {
        let filled = cells.filter { !$0.isEmpty }
        return filled.count * 2 > cells.count && Set(filled).count == filled.count
            && filled.allSatisfy { $0.utf8.count <= 80 && Double($0) == nil && !looksLikeDate($0) }
    }

    private static func looksLikeDate(_ text: String) -> Bool {
        text.utf8.count >= 8 && text.utf8.count <= 20 && text.utf8.allSatisfy { $0 < 0x40 }
            && text.utf8.contains { $0 >= 0x30 }
    }
}
