import ExtractionWire

/// Bytes of a document in, its text with structure out.
package enum DocumentReader {
    package static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        guard !bytes.isEmpty else { throw Rejection(.empty, "the object has no bytes") }
        let document: ExtractedDocument
        switch try FormatSniffer.format(of: bytes, hints: hints) {
        case .pdf: document = try PDFReader.read(bytes, limits: limits)
        case .html: document = try HTMLReader.read(bytes, hints: hints, limits: limits)
        case .xml: document = try XMLReader.read(bytes, limits: limits)
        case .markdown: document = try MarkdownReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        case .text: document = try PlainTextReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        }
        guard document.text.contains(where: { $0 > 0x20 }) else {
            throw Rejection(
                .empty,
                document.format == .pdf
                    ? "none of the \(document.pages.count) pages has text; a scanned document needs OCR before it is uploaded"
                    : "the document holds no text"
            )
        }
        return document
    }

    /// Work that the libraries do once and that needs files: to be called before a sandbox closes.
    package static func prepare() {
        PDFReader.prepare()
        MarkupParser.prepare()
    }
}

extension TextBuilder {
    /// The document so far, or the rejection when its text is over the limit.
    package consuming func document(_ format: DocumentFormat, title: String = "", limits: ExtractionLimits)
        throws(Rejection)
        -> ExtractedDocument
    {
        end()
        guard !isOverLimit else {
            throw Rejection(
                .outputLimit,
                "the document has more than \(limits.textBytes) bytes of text (EXTRACT_MAX_TEXT_BYTES)"
            )
        }
        return ExtractedDocument(format: format, title: title, text: text, blocks: blocks, pages: pages)
    }
}
