import ExtractionWire

/// OpenDocument texts, sheets and presentations (ODF 1.3 part 3). Deleted text is left out; notes, text boxes and comments stand behind the paragraph that they belong to, headers and
/// footers once at the end.
enum OpenDocument {
    static func read(_ archive: inout ZipArchive, _ format: DocumentFormat, _ limits: ExtractionLimits)
        throws(Rejection)
        -> ExtractedDocument
    {
        if let manifest = try archive.part("META-INF/manifest.xml"),
            String(decoding: manifest, as: UTF8.self).contains("encryption-data")
        {
            throw Rejection(.encrypted, "the document is protected with a password: upload a copy without one")
        }
        let handler = OpenDocumentHandler(format, limits)
        guard try archive.parse("content.xml", handler) else {
            throw Rejection(.malformed, "the container has no content.xml: open the document and save it again")
        }
        handler.finish()
        if let pages = handler.tooManyPages {
            throw Rejection(.tooManyPages, "the presentation has more than \(pages) slides (EXTRACT_MAX_PAGES)")
        }
        var builder = handler.builder
        if format == .odt {
            let running = OpenDocumentHandler(format, limits, isRunning: true)
            try archive.parse("styles.xml", running)
            running.finish()
            builder.append(running.builder, blocks: running.builder.blocks.indices)
        }
        var document = try builder.document(format, limits: limits)
        let properties = CoreProperties()
        try archive.parse("meta.xml", properties)
        properties.describe(&document)
        document.notes.hiddenCharacters += handler.hiddenCharacters
        return document
    }
}
