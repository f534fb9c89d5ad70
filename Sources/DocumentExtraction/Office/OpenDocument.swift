import ExtractionWire

/// OpenDocument texts, sheets and presentations (ODF 1.3 part 3). Deleted text and comments are left out.
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
        var document = try handler.builder.document(format, limits: limits)
        let properties = CoreProperties()
        try archive.parse("meta.xml", properties)
        properties.describe(&document)
        return document
    }
}

private final class OpenDocumentHandler: MarkupHandler {
    private enum Element: String {
        case heading = "h"
        case paragraph = "p"
        case listItem = "list-item"
        case table
        case row = "table-row"
        case cell = "table-cell"
        case coveredCell = "covered-table-cell"
        case space = "s"
        case tab
        case lineBreak = "line-break"
        case annotation
        case deleted = "tracked-changes"
        case page
        case other
    }

    var builder: TextBuilder
    private(set) var tooManyPages: Int?
    private let format: DocumentFormat
    private let limits: ExtractionLimits
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var hidden = 0
    private var depth = 0
    private var isFreshItem = false
    private var pages = 0
    // Of a sheet.
    private var records = RecordTable()
    private var cells: [String] = []
    private var cell: [UInt8]?
    private var repeats = 1
    private var hasCell = false
    private var rows = 0
    private static let mostColumns = 16_384

    init(_ format: DocumentFormat, _ limits: ExtractionLimits) {
        builder = TextBuilder(limit: limits.textBytes)
        (self.format, self.limits) = (format, limits)
    }

    var isDone: Bool { builder.isOverLimit || tooManyPages != nil }

    func finish() { if pages > 0 { builder.endPage() } }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch names.meaning(of: name) {
        case .heading:
            if rows == 0 {
                builder.begin(.heading, level: min(6, attributes["outline-level"].flatMap { UInt8($0) } ?? 1))
            }
        case .paragraph:
            if rows > 0 {
                add([0x20])
                builder.softBreak()
            } else {
                builder.begin(isFreshItem ? .listItem : .paragraph)
                isFreshItem = false
            }
        case .listItem: isFreshItem = true
        case .table:
            guard format == .ods else { return }
            records = RecordTable()
            builder.begin(.heading, level: 2)
            builder.append(attributes["name"] ?? "")
        case .row:
            (cells, hasCell) = ([], false)
            if format != .ods, rows == 0 { builder.begin(.tableRow) }
            rows += 1
        case .cell, .coveredCell:
            if format == .ods {
                repeats = attributes["number-columns-repeated"].flatMap { Int($0) } ?? 1
                cell = []
            } else {
                if hasCell { builder.separate() }
                hasCell = true
            }
        case .space, .tab, .lineBreak: characters(" ")
        case .annotation, .deleted: hidden += 1
        case .page:
            finish()
            pages += 1
            if pages > limits.pages { tooManyPages = limits.pages }
            builder.beginPage(pages)
        case .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch names.meaning(of: name) {
        case .heading, .paragraph: if rows == 0 { builder.end() }
        case .listItem: isFreshItem = false
        case .table: if format == .ods { records.end(&builder) }
        case .row:
            rows -= 1
            if format == .ods { records.add(cells, to: &builder) } else if rows == 0 { builder.end() }
        case .cell, .coveredCell:
            guard format == .ods, let cell else { return }
            self.cell = nil
            let text = String(String(decoding: cell, as: UTF8.self).trimmed)
            // Sheets end with thousands of empty cells in one.
            if repeats < Self.mostColumns, repeats > 0, cells.count + repeats <= Self.mostColumns,
                !text.isEmpty || repeats < 64
            {
                cells += Array(repeating: text, count: repeats)
            }
        case .annotation, .deleted: hidden -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard hidden == 0 else { return }
        if cell != nil { add(text) } else { builder.append(text) }
    }

    private func characters(_ text: StaticString) {
        characters(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private func add(_ text: some Sequence<UInt8>) { if cell != nil { cell!.append(contentsOf: text) } }
}
