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
        var pages = PDFPages()
        for index in 0..<count where pages.bytes <= limits.textBytes { pages.add(pdf.page(index)) }
        guard pages.unreadable < count else {
            throw Rejection(.malformed, "none of the \(count) pages of the PDF can be read")
        }
        guard pages.bytes > 0 else { throw withoutText(count, hasPictures: pages.pictures > 0) }
        var document = try pages.document(limits: limits)
        document.title = pdf.title
        document.author = pdf.author
        (document.notes.created, document.notes.modified) = (pdf.created, pdf.modified)
        (document.notes.outline, document.notes.attachments) = (pdf.outline, pdf.attachments)
        return document
    }

    private static func withoutText(_ count: Int, hasPictures: Bool) -> Rejection {
        hasPictures
            ? Rejection(
                .needsOCR,
                "none of the \(count) pages has text, but there are pictures: run OCR on the document before uploading"
            )
            : Rejection(.empty, "none of the \(count) pages has text")
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

/// The pages of a PDF as they are read; what they have in common is known after the last.
struct PDFPages {
    private var layouts: [PageLayout] = []
    private var usualColumn: Float?
    private var links: [String] = []
    private var seenLinks: Set<String> = []
    private(set) var bytes = 0
    private(set) var unreadable = 0
    /// Pages without text that show a picture.
    private(set) var pictures = 0

    mutating func add(_ page: borrowing PopplerPageText?) {
        switch page {
        case .none:
            unreadable += 1
            layouts.append(.empty)
        case .some(let page):
            var layout = PageLayout.empty
            let size = page.size
            let isRead = page.withText { text, boxes, styles in
                layout = PageLayout(text: text, boxes: boxes, styles: styles, page: size, usualColumn: &usualColumn)
            }
            if !isRead { unreadable += 1 }
            if layout.lines.isEmpty, page.hasImages { pictures += 1 }
            for link in page.links where links.count < DocumentNotes.longestList && link.utf8.count <= 2048 {
                if seenLinks.insert(link).inserted { links.append(link) }
            }
            bytes += layout.text.count
            layouts.append(layout)
        }
    }

    mutating func document(limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var running: [String] = []
        var seen: Set<String> = []
        let lines = RunningLines(layouts)
        for index in layouts.indices {
            let places = lines.places(in: layouts[index])
            for place in places.sorted() where running.count < DocumentNotes.longestList {
                let line = layouts[index].string(layouts[index].lines[place])
                if seen.insert(line).inserted { running.append(line) }
            }
            layouts[index].remove { places.contains($0) }
        }
        let (headings, hyphenation) = (HeadingSizes(layouts), Hyphenation(layouts))
        var builder = TextBuilder(limit: limits.textBytes)
        for (index, layout) in layouts.enumerated() where !builder.isOverLimit {
            builder.beginPage(index + 1)
            PageWriter(layout, number: index + 1, headings: headings, hyphenation: hyphenation).append(to: &builder)
            builder.endPage()
        }
        var document = try builder.document(.pdf, limits: limits)
        document.notes.runningLines = running
        document.notes.links = links
        document.notes.pagesWithoutText = layouts.count { $0.text.isEmpty }
        document.notes.hiddenCharacters += layouts.reduce(0) { $0 + $1.hidden }
        return document
    }
}
