import ExtractionWire

/// Plain text: paragraphs are separated by empty lines, lines stay as they are. Of a calendar the events are read.
enum PlainTextReader {
    static func read(_ bytes: [UInt8], limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var builder = TextBuilder(limit: limits.textBytes)
        let text = CalendarText.isCalendar(bytes) ? CalendarText.plain(bytes) : TerminalCodes.removed(from: bytes)
        text.withUnsafeBufferPointer { append(paragraphsOf: $0, to: &builder) }
        return try builder.document(.text, limits: limits)
    }

    static func append(paragraphsOf bytes: UnsafeBufferPointer<UInt8>, to builder: inout TextBuilder) {
        var lineStart = 0
        var isOpen = false
        while lineStart < bytes.count, !builder.isOverLimit {
            var end = lineStart
            while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D, bytes[end] != 0x0C { end += 1 }
            let line = UnsafeBufferPointer(rebasing: bytes[lineStart..<end])
            if line.allSatisfy({ $0 <= 0x20 }) {
                isOpen = false
            } else {
                if isOpen { builder.breakLine() } else { builder.begin(.paragraph) }
                builder.appendVerbatim(line)
                isOpen = true
            }
            lineStart = end + 1
            if end + 1 < bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A { lineStart += 1 }
        }
    }
}
