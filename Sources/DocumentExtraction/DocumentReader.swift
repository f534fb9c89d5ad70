import ExtractionWire

/// Bytes of a document in, its text with structure out.
package enum DocumentReader {
    /// Documents in mails in mails: deeper ones are left out.
    private static let maximumNesting = 3

    /// - Parameter recognizer: reads pages and pictures that have no text; without one they are left out, or rejected where there is nothing else.
    package static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits,
        recognizer: (any TextRecognizer)? = nil
    ) throws(Rejection) -> ExtractedDocument {
        guard let encoding = ContentEncoding(of: bytes, hints: hints), let inner = try encoding.unfolded(bytes) else {
            return try scored(bytes, hints, limits, recognizer)
        }
        let result = inner.withUnsafeBytes { inner in
            Result { () throws(Rejection) in try scored(inner, encoding.hints(hints), limits, recognizer) }
        }
        return try result.get()
    }

    private static func scored(
        _ bytes: UnsafeRawBufferPointer,
        _ hints: ExtractionHints,
        _ limits: ExtractionLimits,
        _ recognizer: (any TextRecognizer)?
    ) throws(Rejection) -> ExtractedDocument {
        var document = try read(bytes, hints: hints, limits: limits, recognizer: recognizer, nesting: 0)
        document.notes.quality = TextQuality.score(document)
        document.language = DocumentLanguage.tag(declared: document.language, document.text)
        return document
    }

    /// - Parameter nesting: how many documents this one is attached to.
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits,
        recognizer: (any TextRecognizer)?,
        nesting: Int
    ) throws(Rejection) -> ExtractedDocument {
        guard !bytes.isEmpty else { throw Rejection(.empty, "the object has no bytes") }
        guard nesting <= maximumNesting else { throw Rejection(.unsupported, "the document is attached too deeply") }
        let format = try FormatSniffer.format(of: bytes, hints: hints)
        let attachments = AttachmentReader(limits: limits, recognizer: recognizer, nesting: nesting)
        var document: ExtractedDocument
        switch format {
        case .pdf: document = try PDFReader.read(bytes, attachments: attachments)
        case .html: document = try HTMLReader.read(bytes, hints: hints, limits: limits)
        case .xml: document = try XMLReader.read(bytes, hints: hints, limits: limits)
        case .markdown: document = try MarkdownReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        case .text: document = try PlainTextReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        case .csv: document = try CSVReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        case .json: document = try JSONReader.read(try TextDecoder.utf8(bytes, hints: hints), limits: limits)
        case .rtf: document = try RichTextReader.read(bytes, limits: limits)
        case .mail: document = try MailReader.read(bytes, attachments: attachments)
        case .docx, .pptx, .xlsx, .odt, .ods, .odp, .epub:
            document = try OfficeReader.read(format, bytes, limits: limits)
        case .image:
            guard let recognizer else {
                throw Rejection(
                    .needsOCR,
                    "the document is a picture: switch OCR on (OCR_LANGUAGES), or run OCR on it before uploading"
                )
            }
            document = try PictureReader.read(bytes, limits: limits, recognizer: recognizer)
        }
        guard document.text.contains(where: { $0 > 0x20 }) else {
            throw Rejection(.empty, "the document holds no text")
        }
        if let promised = FormatSniffer.promised(by: hints), promised != format {
            document.notes.promised = promised.name
        }
        return document
    }

    /// Work that the libraries do once and that needs files: to be called before a sandbox closes.
    package static func prepare() {
        PDFReader.prepare()
        MarkupParser.prepare()
        MailReader.prepare()
        TextDecoder.prepare()
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
        var document = ExtractedDocument(
            format: format,
            title: title,
            text: text,
            blocks: blocks,
            pages: pages,
            lines: lines
        )
        document.notes.hiddenCharacters = cleaning.hidden
        document.notes.omissions = Omission.Reason.allCases.compactMap { reason in
            omitted[reason].map { Omission(reason, characters: $0) }
        }
        return document
    }
}
