import ExtractionWire

/// Reads the content of an OpenDocument file.
final class OpenDocumentHandler: MarkupHandler {
    private enum Element: String {
        case style
        case textStyle = "text-properties"
        case tableStyle = "table-properties"
        case pageStyle = "drawing-page-properties"
        case heading = "h"
        case paragraph = "p"
        case span
        case section
        case listItem = "list-item"
        case table
        case row = "table-row"
        case cell = "table-cell"
        case coveredCell = "covered-table-cell"
        case space = "s"
        case tab
        case lineBreak = "line-break"
        case note
        case box = "text-box"
        case annotation
        case citation = "note-citation"
        case reading = "ruby-text"
        case deleted = "tracked-changes"
        case header, footer
        case headerLeft = "header-left"
        case footerLeft = "footer-left"
        case page
        case other
    }

    private(set) var builder: TextBuilder
    private(set) var tooManyPages: Int?
    private(set) var hiddenCharacters = 0
    private let format: DocumentFormat
    private let limits: ExtractionLimits
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var styles = OpenDocumentStyles()
    /// Depth in what is no text.
    private var skipped: Int
    private var deleted = 0
    /// Elements that are open, where they hide or raise their text.
    private var looks: [(isHidden: Bool, isRaised: Bool)] = []
    private var isPageHidden = false
    private var isFreshItem = false
    private var pages = 0
    private var seen: Set<[UInt8]> = []
    private let isRunning: Bool
    /// With the depth of paragraphs around one.
    private var asides = Asides<(paragraphs: Int, isComment: Bool)>()
    private var boxes: [Bool] = []
    /// Depth of paragraphs, in the aside that is open.
    private var paragraphs = 0
    private var rows = TableCells()
    private var sheet: SheetCells?

    /// - Parameter isRunning: of the part, headers and footers are read, and nothing else.
    init(_ format: DocumentFormat, _ limits: ExtractionLimits, isRunning: Bool = false) {
        builder = TextBuilder(limit: limits.textBytes)
        (self.format, self.limits, self.isRunning) = (format, limits, isRunning)
        skipped = isRunning ? 1 : 0
    }

    var isDone: Bool { builder.isOverLimit || tooManyPages != nil }

    func finish() {
        while asides.isOpen { endAside() }
        builder.end()
        asides.append(to: &builder)
        if pages > 0 { builder.endPage() }
    }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        let element = names.meaning(of: name)
        switch element {
        case .style: styles.begin(attributes)
        case .textStyle, .tableStyle, .pageStyle: styles.add(attributes)
        case .annotation, .note: beginAside(isComment: element == .annotation)
        // The boxes of a slide stand for themselves.
        case .box:
            boxes.append(paragraphs > 0)
            if paragraphs > 0 { beginAside() }
        case .deleted: (skipped, deleted) = (skipped + 1, deleted + 1)
        case .citation, .reading: skipped += 1
        case .header, .footer, .headerLeft, .footerLeft: if isRunning { beginRunning() }
        case .page: beginPage(attributes)
        default: if skipped == 0 { startContent(element, attributes) }
        }
    }

    private func startContent(_ element: Element, _ attributes: MarkupAttributes) {
        switch element {
        case .heading, .paragraph: beginParagraph(element, attributes)
        case .span: beginLook(attributes["style-name"], isHidden: false)
        case .section: beginLook(attributes["style-name"], isHidden: attributes["display"] == "none")
        case .listItem: isFreshItem = true
        case .table:
            guard format == .ods, !asides.isOpen else { return }
            sheet = SheetCells()
            isPageHidden = attributes["style-name"].map(styles.hiding.contains) ?? false
            builder.begin(.heading, level: 2)
            append(attributes["name"] ?? "")
        case .row: if sheet == nil { rows.beginRow(&builder) } else { sheet!.beginRow() }
        case .cell, .coveredCell: beginCell(element, attributes)
        case .space, .tab, .lineBreak: append(" ")
        default: break
        }
    }

    func end(_ name: MarkupName) {
        let element = names.meaning(of: name)
        switch element {
        case .annotation, .note: endAside()
        case .box: if boxes.popLast() == true { endAside() }
        case .deleted: (skipped, deleted) = (skipped - 1, deleted - 1)
        case .citation, .reading: skipped -= 1
        case .header, .footer, .headerLeft, .footerLeft: if isRunning { endRunning() }
        default: if skipped == 0 { endContent(element) }
        }
    }

    private func endContent(_ element: Element) {
        switch element {
        case .heading, .paragraph:
            _ = looks.popLast()
            paragraphs -= 1
            guard rows.isEmpty, sheet == nil else { return builder.softBreak() }
            builder.end()
            asides.append(to: &builder)
        case .span, .section: _ = looks.popLast()
        case .listItem: isFreshItem = false
        case .table:
            if !asides.isOpen, sheet != nil {
                sheet!.end(&builder)
                sheet = nil
                asides.append(to: &builder)
            } else {
                rows.endTable()
                if rows.isEmpty { asides.append(to: &builder) }
            }
        case .row: if sheet == nil { rows.endRow(&builder) } else { sheet!.endRow(&builder) }
        case .cell: if sheet == nil { rows.endCell(&builder) } else { sheet!.endCell() }
        case .coveredCell: sheet?.endCell()
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        // Of a comment who wrote it and when stand before its paragraphs.
        if deleted > 0 { builder.omit(.revision, text.inkedCharacters) }
        guard skipped == 0, paragraphs > 0 || asides.context?.isComment != true else { return }
        if isPageHidden || looks.contains(where: \.isHidden) {
            hiddenCharacters += text.inkedCharacters
        }
        if sheet?.isInCell == true, !asides.isOpen { return sheet!.add(text) }
        if looks.last?.isRaised == true, builder.endsInDigit, let first = text.first, (0x30...0x39).contains(first) {
            builder.append("^")
        }
        builder.append(text)
    }

    private func append(_ text: String) {
        var text = text
        text.withUTF8 { characters($0) }
    }

    private func beginParagraph(_ element: Element, _ attributes: MarkupAttributes) {
        beginLook(attributes["style-name"], isHidden: false)
        paragraphs += 1
        if sheet != nil, !asides.isOpen {
            sheet!.add([0x20])
        } else if !rows.isEmpty || sheet != nil {
            builder.softBreak()
        } else if element == .heading {
            builder.begin(.heading, level: min(6, attributes["outline-level"].flatMap { UInt8($0) } ?? 1))
        } else {
            builder.begin(isFreshItem ? .listItem : .paragraph)
            isFreshItem = false
        }
        guard asides.context?.isComment == true, builder.text.isEmpty else { return }
        builder.append("Comment:")
        builder.softBreak()
    }

    private func beginLook(_ style: String?, isHidden: Bool) {
        let outer = looks.last ?? (false, false)
        looks.append(
            (
                isHidden || outer.isHidden || style.map(styles.hiding.contains) == true,
                outer.isRaised || style.map(styles.raising.contains) == true
            )
        )
    }

    private func beginCell(_ element: Element, _ attributes: MarkupAttributes) {
        func count(_ name: StaticString) -> Int { attributes[name].flatMap { Int($0) } ?? 1 }
        if sheet != nil {
            sheet!.beginCell(attributes)
        } else if element == .cell {
            // Cells that are covered by others are there as well.
            rows.beginCell(&builder, columns: count("number-columns-spanned"), rows: count("number-rows-spanned"))
        }
    }

    private func beginPage(_ attributes: MarkupAttributes) {
        finish()
        pages += 1
        if pages > limits.pages { tooManyPages = limits.pages }
        isPageHidden = attributes["style-name"].map(styles.hiding.contains) ?? false
        builder.beginPage(pages)
    }

    private func beginAside(isComment: Bool = false) {
        asides.begin(&builder, (paragraphs, isComment))
        paragraphs = 0
    }

    private func endAside() {
        if let aside = asides.end(&builder) { paragraphs = aside.paragraphs }
    }

    private func beginRunning() {
        skipped -= 1
        beginAside()
    }

    /// A header that says what another one has said is left out, and so is one of numbers alone.
    private func endRunning() {
        skipped += 1
        let aside = asides.end(&builder) { $0.hasLetters && seen.insert($0).inserted }
        if let aside { paragraphs = aside.paragraphs }
    }
}
