import ExtractionWire

/// Comma, semicolon or tab separated values (RFC 4180, and what spreadsheets write): each row with the names of its columns.
enum CSVReader {
    static func read(_ bytes: [UInt8], limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var builder = TextBuilder(limit: limits.textBytes)
        var table = RecordTable()
        let separator = separator(of: bytes)
        var quotes = Quotes(bytes, separator: separator)
        var (cells, cell, isQuoted, wasQuoted) = ([String](), [UInt8](), false, false)
        var index = 0
        func take() -> String {
            defer { (cell, wasQuoted) = ([], false) }
            return String(String(decoding: cell, as: UTF8.self).trimmed)
        }
        while index < bytes.count, !builder.isOverLimit {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                if byte != 0x22 {
                    cell.append(byte)
                } else if index < bytes.count, bytes[index] == 0x22 {
                    cell.append(byte)
                    index += 1
                } else {
                    isQuoted = false
                }
            } else if byte == 0x22, cell.isEmpty, !wasQuoted, quotes.opens(at: index - 1) {
                (isQuoted, wasQuoted) = (true, true)
            } else if byte == separator {
                cells.append(take())
            } else if byte == 0x0A || byte == 0x0D {
                if byte == 0x0D, index < bytes.count, bytes[index] == 0x0A { index += 1 }
                cells.append(take())
                table.add(cells, to: &builder)
                cells = []
            } else {
                cell.append(byte)
            }
        }
        cells.append(take())
        table.add(cells, to: &builder)
        table.end(&builder)
        return try builder.document(.csv, limits: limits)
    }

    /// Tells a quote that begins a quoted cell from one that is a part of its text (`"5 inch`).
    private struct Quotes {
        private let bytes: [UInt8]
        private let separator: UInt8
        /// No quote behind this place ends a cell.
        private var lastEnd = Int.max

        init(_ bytes: [UInt8], separator: UInt8) { (self.bytes, self.separator) = (bytes, separator) }

        /// Whether a quote that ends a cell follows. In tab separated values, which know no quotes by their definition, it has to before another cell of another line.
        mutating func opens(at place: Int) -> Bool {
            guard place < lastEnd else { return false }
            var (index, hasTab, hasBreak) = (place + 1, false, false)
            while index < bytes.count {
                switch bytes[index] {
                case 0x22:
                    if index + 1 < bytes.count, bytes[index + 1] == 0x22 {
                        index += 1
                    } else if index + 1 == bytes.count || [separator, 0x0A, 0x0D].contains(bytes[index + 1]) {
                        return true
                    } else if separator != 0x09 {
                        // As spreadsheets read it.
                        return true
                    }
                case 0x09: hasTab = true
                case 0x0A, 0x0D: hasBreak = true
                default: break
                }
                if separator == 0x09, hasTab, hasBreak { return false }
                index += 1
            }
            lastEnd = place
            return false
        }
    }

    /// The one that cuts the first lines into equally many cells.
    private static func separator(of bytes: [UInt8]) -> UInt8 {
        let candidates: [UInt8] = [0x2C, 0x3B, 0x09, 0x7C]
        var lines: [[Int]] = []
        var counts = [0, 0, 0, 0]
        var isQuoted = false
        func close() {
            if counts.contains(where: { $0 > 0 }) { lines.append(counts) }
            counts = [0, 0, 0, 0]
        }
        let head = bytes.prefix(8192)
        for byte in head {
            if byte == 0x22 { isQuoted.toggle() }
            guard !isQuoted else { continue }
            if byte == 0x0A || byte == 0x0D { close() }
            if let place = candidates.firstIndex(of: byte) { counts[place] += 1 }
        }
        // The last line may be cut off.
        if head.count == bytes.count || lines.isEmpty { close() }
        let scores = candidates.indices.map { place -> (equal: Int, cells: Int) in
            var frequencies: [Int: Int] = [:]
            for line in lines where line[place] > 0 { frequencies[line[place], default: 0] += 1 }
            let usual = frequencies.max { ($0.value, $0.key) < ($1.value, $1.key) }
            return (usual?.value ?? 0, usual.map { $0.key * $0.value } ?? 0)
        }
        let best = candidates.indices.max { scores[$0] < scores[$1] } ?? 0
        return scores[best].equal > 0 ? candidates[best] : 0x2C
    }
}
