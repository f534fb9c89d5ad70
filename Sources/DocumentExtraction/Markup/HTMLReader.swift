import ExtractionWire

/// HTML: headings, paragraphs, list items, table rows and code of what the page is about.
enum HTMLReader {
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let handler = HTMLHandler(TextBuilder(limit: limits.textBytes))
        try MarkupParser.parseHTML(bytes, encoding: encoding(bytes, hints), handler: handler)
        handler.finish()
        if limits.mainContent {
            handler.builder.keep(MainContent.choose(handler.builder.blocks, handler.traits))
        }
        let title = handler.title.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        var document = try handler.builder.document(.html, title: title, limits: limits)
        document.author = handler.author
        document.language = handler.language
        document.notes.links = handler.links
        document.notes.modified = handler.modified
        return document
    }

    /// A byte order mark, the Content-Type's charset, a declaration in the first 1,024 bytes (WHATWG HTML, "determining the character
    /// encoding"), else UTF-8 where it is valid and windows-1252 where it is not. libxml2 always gets the encoding: its own guess is Latin-1.
    static func encoding(_ bytes: UnsafeRawBufferPointer, _ hints: ExtractionHints) -> String {
        if let (name, _) = TextDecoder.byteOrderMark(bytes) { return name }
        for source in [Array(hints.contentType.utf8), Array(bytes.prefix(1024))] {
            if let label = charset(in: source) { return TextDecoder.canonical(label) }
        }
        return TextDecoder.isUTF8(bytes) ? "UTF-8" : "WINDOWS-1252"
    }

    /// The label after `charset=`.
    private static func charset(in bytes: [UInt8]) -> String? {
        let name = Array("charset=".utf8)
        var index = 0
        while index + name.count < bytes.count {
            if bytes[index] | 0x20 == 0x63,
                bytes[index..<index + name.count].elementsEqual(name, by: { $0 | 0x20 == $1 | 0x20 })
            {
                let label = bytes[(index + name.count)...].drop { $0 == 0x22 || $0 == 0x27 }.prefix {
                    (0x61...0x7A).contains($0 | 0x20) || (0x30...0x3A).contains($0) || $0 == 0x2D || $0 == 0x5F
                }
                return label.isEmpty ? nil : String(decoding: label, as: UTF8.self)
            }
            index += 1
        }
        return nil
    }
}
