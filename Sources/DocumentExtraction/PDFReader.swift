import ExtractionWire

/// PDF page by page.
enum PDFReader {
    static func read(_ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        let pdf = try PopplerDocument(bytes: bytes)
        let count = pdf.pageCount
        guard count > 0 else { throw Rejection(.malformed, "the PDF has no pages that can be found") }
        guard count <= limits.pages else {
            throw Rejection(.tooManyPages, "the PDF has \(count) pages, more than \(limits.pages) (EXTRACT_MAX_PAGES)")
        }
        var builder = TextBuilder(limit: limits.textBytes)
        var unreadable = 0
        for index in 0..<count where !builder.isOverLimit {
            builder.beginPage(index + 1)
            let isRead = pdf.withText(ofPage: index) { text, boxes in
                PageLayout(text: text, boxes: boxes).append(to: &builder)
            }
            if !isRead { unreadable += 1 }
            builder.endPage()
        }
        guard unreadable < count else {
            throw Rejection(.malformed, "none of the \(count) pages of the PDF can be read")
        }
        var document = try builder.document(.pdf, title: pdf.title, limits: limits)
        document.author = pdf.author
        return document
    }

    /// Poppler builds its tables when the first document opens and drops them with the last one: a document of no pages that is never
    /// closed keeps them (25 µs instead of 800 µs for each document).
    static func prepare() {
        withExtendedLifetime(sentinel) {}
    }

    /// Unchecked: the document is made once and then only kept, nobody calls it.
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
