import ExtractionWire

/// Reads a part of a Word document.
final class WordHandler: MarkupHandler {
    private enum Element: String {
        case paragraph = "p"
        case style = "pStyle"
        case numbering = "numPr"
        case level = "ilvl"
        case list = "numId"
        case outline = "outlineLvl"
        case run = "r"
        case text = "t"
        case deletedText = "delText"
        case tab, br, cr
        case symbol = "sym"
        case fonts = "rFonts"
        case raised = "vertAlign"
        case vanish
        case row = "tr"
        case cell = "tc"
        case hyphen = "noBreakHyphen"
        case fallback = "Fallback"
        case properties = "pPr"
        case wholeTable = "tbl"
        case columns = "gridSpan"
        case mergedCell = "vMerge"
        case importedPart = "altChunk"
        case chart
        case diagram = "relIds"
        case drawing = "docPr"
        case box = "txbxContent"
        case control = "sdt"
        case controlContent = "sdtContent"
        case placeholder = "showingPlcHdr"
        case moved = "moveFrom"
        case reading = "rt"
        case formula = "oMath"
        case oldParagraph = "pPrChange"
        case oldRun = "rPrChange"
        case other
    }

    /// What stands in a part of its own: the id of its relationship, and the number of blocks before it.
    struct Import {
        enum Kind {
            case document
            case chart
            case diagram
        }

        var kind: Kind
        var id: String
        var block: Int
    }

    /// How the letters of a run look.
    private struct Run {
        var font = ""
        var isRaised = false
        var isHidden = false
    }

    private(set) var imports: [Import] = []
    /// Of the open paragraph: they are read behind it.
    private var pending: [Import] = []
    private(set) var tables = WordTables()
    private(set) var hidden = 0
    private(set) var builder: TextBuilder
    private let styles: WordStyles
    private let numbering: WordNumbering
    private let layoutTables: Set<Int>
    private var table = NameTable { Element(rawValue: $0) ?? .other }
    private var isText = false
    private var isProperties = false
    private var run = Run()
    private var rows = TableCells()
    private var layout: [Bool] = []
    private var formula = Formula()
    /// Of the open paragraph: its place in a list, and the number that stands before its text.
    private var place: WordNumbering.Place?
    private var label: [UInt8] = []
    /// Text that is not of the document: what a choice falls back to, text that was moved away, readings, what a form asks for.
    private var skipped = 0
    /// Of that, what was deleted or moved away, and prompts of forms.
    private var removed = 0
    private var placeholders: [Bool] = []
    /// How paragraphs and runs looked before a change.
    private var changes = 0
    /// Text boxes stand in paragraphs, and are read behind them.
    private var boxes = Asides<Void>()

    /// - Parameter layoutTables: numbers of tables whose cells are read as text.
    init(_ builder: TextBuilder, _ styles: WordStyles, _ numbering: WordNumbering, layoutTables: Set<Int> = []) {
        (self.builder, self.styles, self.numbering, self.layoutTables) = (builder, styles, numbering, layoutTables)
    }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        let element = table.meaning(of: name)
        guard formula.isEmpty, element != .formula else { return formula.start(name, attributes) }
        guard changes == 0 || element == .oldParagraph || element == .oldRun else { return }
        switch element {
        case .oldParagraph, .oldRun: changes += 1
        case .paragraph:
            (place, label) = (nil, [])
            if rows.isEmpty { builder.begin(.paragraph) } else { builder.softBreak() }
        case .properties: isProperties = true
        case .style, .outline, .level, .list: if isProperties { setStyle(element, attributes["val"] ?? "") }
        case .numbering: if isProperties, rows.isEmpty, builder.isBegun(.paragraph) { builder.begin(.listItem) }
        case .run: run = Run()
        case .fonts: run.font = attributes["ascii"] ?? run.font
        case .raised: run.isRaised = attributes["val"] == "superscript"
        case .vanish: run.isHidden = !["0", "false"].contains(attributes["val"])
        case .text: isText = true
        case .tab, .br, .cr: if !isProperties { builder.append(" ") }
        case .symbol:
            let code = attributes["char"].flatMap { UInt32($0, radix: 16) } ?? 0
            if let sign = SymbolFont.scalar(code, font: attributes["font"] ?? "") { add(Array(UTF8.encode(sign)!)) }
        case .hyphen: builder.append("-")
        case .wholeTable, .row, .cell: beginTable(element)
        case .columns: if let columns = attributes["val"].flatMap({ Int($0) }) { rows.setColumns(columns) }
        case .mergedCell: if attributes["val"] != "restart" { rows.setContinued() }
        case .importedPart: addImport(.document, attributes["id"])
        case .chart: addImport(.chart, attributes["id"])
        case .diagram: addImport(.diagram, attributes["dm"])
        case .drawing: addAlternative(attributes)
        case .box: beginBox()
        case .control: placeholders.append(false)
        case .placeholder: if !placeholders.isEmpty { placeholders[placeholders.count - 1] = true }
        case .controlContent: if placeholders.last == true { (skipped, removed) = (skipped + 1, removed + 1) }
        case .moved: (skipped, removed) = (skipped + 1, removed + 1)
        case .fallback, .reading: skipped += 1
        case .deletedText: removed += 1
        case .formula, .other: break
        }
    }

    func end(_ name: MarkupName) {
        let element = table.meaning(of: name)
        if !formula.isEmpty {
            if let text = formula.end(), skipped == 0 { builder.append(text) }
            return
        }
        if element == .oldParagraph || element == .oldRun { changes -= 1 }
        guard changes == 0 else { return }
        switch element {
        case .paragraph: endParagraph()
        case .properties: endProperties()
        case .run: run = Run()
        case .text: isText = false
        case .wholeTable, .row, .cell: endTable(element)
        case .box: endBox()
        case .control: _ = placeholders.popLast()
        case .controlContent: if placeholders.last == true { (skipped, removed) = (skipped - 1, removed - 1) }
        case .moved: (skipped, removed) = (skipped - 1, removed - 1)
        case .fallback, .reading: skipped -= 1
        case .deletedText: removed -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard formula.isEmpty else { return formula.add(text) }
        if removed > 0 { builder.omit(.revision, text.inkedCharacters) }
        guard isText else { return }
        if run.font.isEmpty { add(text) } else { add(SymbolFont.plain(text, font: run.font)) }
    }

    private func add(_ text: [UInt8]) { text.withUnsafeBufferPointer { add($0) } }

    private func add(_ text: UnsafeBufferPointer<UInt8>) {
        guard skipped == 0, !text.isEmpty else { return }
        if !label.isEmpty {
            label.withUnsafeBufferPointer { builder.append($0) }
            builder.softBreak()
            label = []
        }
        // 10 and a raised 3 are no 103.
        if run.isRaised, builder.endsInDigit, (0x30...0x39).contains(text[0]) { builder.append("^") }
        if run.isHidden { hidden += text.inkedCharacters }
        builder.append(text)
    }

    // Paragraphs.

    private func setStyle(_ element: Element, _ value: String) {
        switch element {
        case .style:
            place = styles.number(value)
            if let level = styles.level(value) { beginHeading(level) }
        case .outline: if let level = UInt8(value), level < 9 { beginHeading(min(6, level + 1)) }
        case .level: place = WordNumbering.Place(list: place?.list ?? "", level: Int(value) ?? 0)
        default: place = WordNumbering.Place(list: value, level: place?.level ?? 0)
        }
    }

    private func beginHeading(_ level: UInt8) {
        tables.addHeading()
        if rows.isEmpty { builder.begin(.heading, level: level) }
    }

    private func endProperties() {
        isProperties = false
        // A list of the number 0 is none (§17.9.18).
        if place?.list == "0", builder.isBegun(.listItem) { builder.begin(.paragraph) }
        guard let place, !["", "0"].contains(place.list), skipped == 0 else { return }
        label = Array(numbering.next(place).utf8)
        if rows.isEmpty, builder.isBegun(.paragraph) { builder.begin(.listItem) }
    }

    private func endParagraph() {
        tables.addParagraph()
        guard rows.isEmpty else { return builder.softBreak() }
        builder.end()
        guard !boxes.isOpen else { return }
        boxes.append(to: &builder)
        imports += pending.map { Import(kind: $0.kind, id: $0.id, block: builder.blocks.count) }
        pending = []
    }

    private func beginBox() {
        guard rows.isEmpty, skipped == 0 else { return builder.softBreak() }
        boxes.begin(&builder, ())
    }

    private func endBox() {
        guard rows.isEmpty, skipped == 0, boxes.isOpen else { return builder.softBreak() }
        boxes.end(&builder)
    }

    private func addImport(_ kind: Import.Kind, _ id: String?) {
        guard let id, skipped == 0 else { return }
        let part = Import(kind: kind, id: id, block: builder.blocks.count)
        guard kind == .document, !boxes.isOpen else { return pending.append(part) }
        builder.end()
        imports.append(Import(kind: kind, id: id, block: builder.blocks.count))
    }

    private func addAlternative(_ attributes: MarkupAttributes) {
        guard skipped == 0, let words = TextBuilder.alternative(attributes) else { return }
        builder.softBreak()
        builder.append(words)
        builder.softBreak()
    }

    // Tables.

    private func beginTable(_ element: Element) {
        switch element {
        case .wholeTable:
            layout.append(layoutTables.contains(tables.count))
            tables.begin()
        case .row:
            tables.addRow()
            if layout.last != true { rows.beginRow(&builder) }
        default:
            tables.addCell()
            if layout.last != true { rows.beginCell(&builder) }
        }
    }

    private func endTable(_ element: Element) {
        let isLayout = layout.last == true
        switch element {
        case .wholeTable:
            _ = layout.popLast()
            tables.end()
            if !isLayout { rows.endTable() }
        case .row: if !isLayout { rows.endRow(&builder) }
        default: if isLayout { builder.end() } else { rows.endCell(&builder) }
        }
    }
}
