import ExtractionWire

/// PowerPoint presentations (ECMA-376 part 1, §19): each slide is a page, its title a heading, its notes the end of it.
enum Presentation {
    static func read(
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let order = SlideOrder()
        try archive.parse(package.main, order)
        // r:id and id have one local name: the one that leads somewhere is meant.
        let slides = order.ids.compactMap { $0.lazy.compactMap { package.parts.targets[$0] }.first }
        guard slides.count <= limits.pages else {
            throw Rejection(
                .tooManyPages,
                "the presentation has \(slides.count) slides, more than \(limits.pages) (EXTRACT_MAX_PAGES)"
            )
        }
        var builder = TextBuilder(limit: limits.textBytes)
        for (index, slide) in slides.enumerated() {
            builder.beginPage(index + 1)
            let notes = try Relationships.of(slide, in: &archive).byType.filter { $0.type == "notesSlide" }.map(
                \.target
            )
            for part in [slide] + notes {
                let handler = SlideHandler(builder)
                try archive.parse(part, handler)
                builder = handler.builder
            }
            builder.endPage()
        }
        var document = try builder.document(.pptx, limits: limits)
        try package.describe(&document, &archive)
        document.notes.attachments = archive.names(in: "ppt/embeddings/")
        return document
    }
}

private final class SlideOrder: MarkupHandler {
    private(set) var ids: [[String]] = []
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        guard name.string == "sldId" else { return }
        ids.append(attributes.all.filter { $0.name == "id" }.map(\.value))
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

private final class SlideHandler: MarkupHandler {
    private enum Element: String {
        case shape = "sp"
        case placeholder = "ph"
        case paragraph = "p"
        case text = "t"
        case lineBreak = "br"
        case row = "tr"
        case cell = "tc"
        case wholeTable = "tbl"
        case bullet = "buChar"
        case number = "buAutoNum"
        case fallback = "Fallback"
        case other
    }

    private enum Kind {
        case text
        case title
        /// Slide numbers, dates and footers.
        case furniture
    }

    var builder: TextBuilder
    private var table = NameTable { Element(rawValue: $0) ?? .other }
    private var kind = Kind.text
    private var isText = false
    private var rows = TableCells()
    private var fallbacks = 0

    init(_ builder: TextBuilder) { self.builder = builder }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch table.meaning(of: name) {
        case .shape: kind = .text
        case .placeholder:
            switch attributes["type"] ?? "" {
            case "title", "ctrTitle": kind = .title
            case "sldNum", "dt", "ftr", "hdr": kind = .furniture
            default: break
            }
        case .paragraph:
            if !rows.isEmpty {
                builder.softBreak()
            } else if kind == .title {
                builder.begin(.heading, level: 2)
            } else {
                builder.begin(.paragraph)
            }
        case .bullet, .number: if rows.isEmpty, builder.isBegun(.paragraph) { builder.begin(.listItem) }
        case .text: isText = true
        case .lineBreak: builder.append(" ")
        case .row: rows.beginRow(&builder)
        case .cell:
            // Cells that are spanned are there, and empty (ECMA-376 part 1, §21.1.3.16).
            rows.beginCell(&builder)
            if attributes["vMerge"] == "1" || attributes["vMerge"] == "true" { rows.setContinued() }
        case .fallback: fallbacks += 1
        case .wholeTable, .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch table.meaning(of: name) {
        case .shape: kind = .text
        case .text: isText = false
        case .fallback: fallbacks -= 1
        case .cell: rows.endCell(&builder)
        case .row: rows.endRow(&builder)
        case .wholeTable: rows.endTable()
        case .paragraph: if !rows.isEmpty { builder.softBreak() } else { builder.end() }
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if isText, kind != .furniture, fallbacks == 0 { builder.append(text) }
    }
}
