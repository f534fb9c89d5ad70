import ExtractionWire

/// HTML: headings, paragraphs, list items, table rows and code of what the page is about.
enum HTMLReader {
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let handler = HTMLHandler(TextBuilder(limit: limits.textBytes))
        try TextDecoder.withPage(bytes, hints: hints) { (page) throws(Rejection) in
            try MarkupParser.parseHTML(page, handler: handler)
        }
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
        document.notes.hiddenCharacters += handler.hiddenCharacters
        return document
    }
}
