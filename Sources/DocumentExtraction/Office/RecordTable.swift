import ExtractionWire

/// Rows of a sheet or a CSV file, in which several tables may stand below each other. The first row of a table names its columns where it looks like names, and each value is written
/// with its column's name: a chunk from the middle of a table says what its values are.
struct RecordTable {
    private var header: [String]?
    /// The first rows of a table, until there are enough to tell what they are.
    private var first: [[String]] = []
    private var isAtStart = true
    private static let rowsToTell = 3

    /// An empty row ends a table.
    mutating func add(_ cells: [String], to builder: inout TextBuilder) {
        var cells = cells
        while cells.last?.isEmpty == true { cells.removeLast() }
        guard !cells.isEmpty else { return end(&builder) }
        guard isAtStart else { return appendNamed(cells, to: &builder) }
        first.append(cells)
        if first.count == Self.rowsToTell { begin(&builder) }
    }

    /// To be called after the last row of a table.
    mutating func end(_ builder: inout TextBuilder) {
        while !first.isEmpty { begin(&builder) }
        isAtStart = true
    }

    /// Titles and remarks above a table have one cell. What is no head goes on with the table above.
    private mutating func begin(_ builder: inout TextBuilder) {
        let head = first.removeFirst()
        guard head.count(where: { !$0.isEmpty }) > 1 else { return append(head, to: &builder) }
        if let groups = Self.groups(head, first) {
            header = groups
            first.removeFirst()
            append(groups, to: &builder)
        } else if Self.isHead(head, above: first.first, after: header) {
            header = head
            append(head, to: &builder)
        } else {
            appendNamed(head, to: &builder)
        }
        for row in first { appendNamed(row, to: &builder) }
        (first, isAtStart) = ([], false)
    }

    private func appendNamed(_ cells: [String], to builder: inout TextBuilder) {
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

    /// The head of a second table differs from the first one's in its columns, or has words where there are values below.
    private static func isHead(_ cells: [String], above next: [String]?, after header: [String]?) -> Bool {
        guard looksLikeNames(cells) else { return false }
        guard let header else { return true }
        if filled(cells) != filled(header) { return true }
        return zip(cells, next ?? []).contains { !$0.isEmpty && !isValue($0) && isValue($1) }
    }

    /// Names of two rows, the upper of which stands over several columns ("2023" over "Tons" and "Ships"); nil where the rows are no such head.
    private static func groups(_ upper: [String], _ rows: [[String]]) -> [String]? {
        guard rows.count == 2, rows[1].contains(where: isValue), looksLikeNames(rows[0]),
            upper.count <= rows[0].count, filled(upper).count < filled(rows[0]).count,
            upper[0].isEmpty || Set(rows[0]).count < rows[0].count,
            upper.allSatisfy({ $0.utf8.count <= longestName && (!isValue($0) || isYear($0)) })
        else { return nil }
        var group = ""
        return rows[0].enumerated().map { place, name in
            if place < upper.count, !upper[place].isEmpty { group = upper[place] }
            return group.isEmpty || name.isEmpty ? group + name : "\(group) \(name)"
        }
    }

    private static func filled(_ cells: [String]) -> [Int] { cells.indices.filter { !cells[$0].isEmpty } }

    /// Questions of a survey are long.
    private static let longestName = 480

    /// Names are words, not values, but for years that stand beside a name; few occur twice.
    private static func looksLikeNames(_ cells: [String]) -> Bool {
        let filled = cells.filter { !$0.isEmpty }
        let years = filled.filter(isYear)
        let words = filled.filter { !isValue($0) }
        guard filled.count * 2 > cells.count, Set(filled).count * 2 >= filled.count,
            filled.allSatisfy({ $0.utf8.count <= longestName })
        else { return false }
        if words.count == filled.count { return true }
        return words.count + years.count == filled.count && years.count > 1 && Set(years).count == years.count
            && (cells[0].isEmpty || !words.isEmpty)
    }

    private static func isYear(_ text: String) -> Bool {
        text.utf8.count == 4 && Int(text).map { (1500...2200).contains($0) } ?? false
    }

    /// A number, an amount, a share, a date or a time.
    private static func isValue(_ text: String) -> Bool {
        guard text.utf8.contains(where: { (0x30...0x39).contains($0) }) else { return false }
        if Double(text) != nil { return true }
        return text.unicodeScalars.allSatisfy {
            ("0"..."9").contains($0) || " .,:;/+-%()'T".unicodeScalars.contains($0)
                || [.currencySymbol, .dashPunctuation, .spaceSeparator].contains($0.properties.generalCategory)
        }
    }
}
