import ExtractionWire

/// Comma, semicolon or tab separated values (RFC 4180, and what spreadsheets write): each row with the names of its columns.
enum CSVReader {
    static func read(_ bytes: [UInt8], limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var builder = TextBuilder(limit: limits.textBytes)
        var table = RecordTable()
        let separator = separator(of: bytes)
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
            } else if byte == 0x22, cell.isEmpty, !wasQuoted {
                (isQuoted, wasQuoted) = (true, true)
            } else if byte == separator {
                cells.append(take())
            } else if byte == 0x0A || byte == 0x0D {
                cells.append(take())
                table.add(cells, to: &builder)
                cells = []
            } else {
                cell.append(byte)
            }
        }
        cells.append(take())
        table.add(cells, to: &builder)
        return try builder.document(.csv, limits: limits)
    }

    /// The most frequent one in the first lines, outside of quotes.
    private static func separator(of bytes: [UInt8]) -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in bytes.prefix(8192) {
            if byte == 0x22 { isQuoted.toggle() }
            if !isQuoted, [0x2C, 0x3B, 0x09, 0x7C].contains(byte) { counts[byte, default: 0] += 1 }
        }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0x2C
    }
}
