import ExtractionWire

/// PDF page by page.
enum PDFReader {
    static func read(_ bytes: UnsafeRawBufferPointer, attachments: AttachmentReader) throws(Rejection)
        -> ExtractedDocument
    {
        do throws(Rejection) {
            return try read(PopplerDocument(bytes: bytes), bytes, attachments)
        } catch {
            guard error.code == .malformed, let whole = try ObjectStreams.unpacked(bytes) else { throw error }
            return try whole.withUnsafeBufferPointer { (whole) throws(Rejection) in
                let whole = UnsafeRawBufferPointer(whole)
                return try read(PopplerDocument(bytes: whole), whole, attachments)
            }
        }
    }

    private static func read(
        _ pdf: borrowing PopplerDocument,
        _ bytes: UnsafeRawBufferPointer,
        _ attachments: AttachmentReader
    ) throws(Rejection) -> ExtractedDocument {
        let (limits, recognizer) = (attachments.limits, attachments.recognizer)
        let count = pdf.pageCount
        guard count > 0 else { throw Rejection(.malformed, "the PDF has no pages that can be found") }
        guard count <= limits.pages else {
            throw Rejection(.tooManyPages, "the PDF has \(count) pages, more than \(limits.pages) (EXTRACT_MAX_PAGES)")
        }
        var pages = PageCollection()
        for index in 0..<count where pages.bytes <= limits.textBytes {
            try pages.add(pdf.page(index), recognizer: recognizer)
        }
        guard pages.unreadable < count else {
            throw Rejection(.malformed, "none of the \(count) pages of the PDF can be read")
        }
        let files = try EmbeddedFiles(pdf, attachments)
        guard pages.bytes > 0 || !files.documents.isEmpty else {
            throw withoutText(count, hasPictures: pages.pictures > 0, recognizer != nil)
        }
        var document = try pages.document(.pdf, files: files, limits: limits)
        guard !isUnfilledForm(document.text) else {
            throw Rejection(
                .unsupported,
                "the PDF is an XFA form, which only its own program draws: print it to PDF and upload that"
            )
        }
        document.title = pdf.title
        document.author = pdf.author
        document.language = PDFLanguage.inCatalog(bytes) ?? pdf.metadataLanguage
        (document.notes.created, document.notes.modified) = (pdf.created, pdf.modified)
        (document.notes.outline, document.notes.attachments) = (pdf.outline, files.names)
        return document
    }

    /// The one page that Adobe's programs put into a dynamic XFA form for readers that cannot draw it.
    private static func isUnfilledForm(_ text: [UInt8]) -> Bool {
        guard text.count < 4096 else { return false }
        let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.contains("If this message is not eventually replaced by the proper contents of the document")
    }

    private static func withoutText(_ count: Int, hasPictures: Bool, _ isRecognizing: Bool) -> Rejection {
        if isRecognizing { return Rejection(.empty, "none of the \(count) pages has text, and OCR finds none") }
        return hasPictures
            ? Rejection(
                .needsOCR,
                "none of the \(count) pages has text, but there are pictures: switch OCR on (OCR_LANGUAGES), or run OCR on the document before uploading"
            )
            : Rejection(.empty, "none of the \(count) pages has text")
    }

    /// Poppler builds its tables when the first document opens and drops them with the last one: a document of no pages that is never
    /// closed keeps them (25 µs instead of 800 µs for each document).
    static func prepare() {
        withExtendedLifetime(sentinel) {}
    }

    /// Unchecked: the document is created once and then only kept alive.
    private final class Sentinel: @unchecked Sendable {
        private let document: PopplerDocument?

        init() {
            let pdf: StaticString = """
                %PDF-1.4
                1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
                2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
                trailer<</Root 1 0 R>>
                %%EOF
                """
            document = try? PopplerDocument(
                bytes: UnsafeRawBufferPointer(start: pdf.utf8Start, count: pdf.utf8CodeUnitCount)
            )
        }
    }

    private static let sentinel = Sentinel()
}
