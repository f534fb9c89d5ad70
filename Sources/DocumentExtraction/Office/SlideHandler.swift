import ExtractionWire

/// Reads the shapes of a slide, or of its notes.
final class SlideHandler: MarkupHandler {
    private enum Element: String {
        case slide = "sld"
        case shape = "sp"
        case picture = "pic"
        case connector = "cxnSp"
        case frame = "graphicFrame"
        case group = "grpSp"
        case properties = "cNvPr"
        case placeholder = "ph"
        case offset = "off"
        case extent = "ext"
        case chart
        case diagram = "relIds"
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

    private(set) var builder: TextBuilder
    private(set) var shapes: [SlideShape] = []
    private(set) var isHidden = false
    let limit: Int
    private let layout: SlideLayout?
    private var table = NameTable { Element(rawValue: $0) ?? .other }
    private var kind = Kind.text
    private var depth = 0
    /// The place of a shape was read last, and its size follows.
    private var isPlaced = false
    private var isText = false
    private var rows = TableCells()
    private var fallbacks = 0
    private static let mostParts = 1000

    init(limit: Int, layout: SlideLayout?) {
        builder = TextBuilder(limit: limit)
        (self.limit, self.layout) = (limit, layout)
    }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        let element = table.meaning(of: name)
        switch element {
        case .slide: isHidden = attributes["show"] == "0" || attributes["show"] == "false"
        case .shape, .picture, .connector, .frame, .group: beginShape()
        case .placeholder: setPlaceholder(attributes)
        case .offset, .extent, .chart, .diagram, .properties:
            if depth > 0, fallbacks == 0 { describe(element, attributes) }
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
        case .shape, .picture, .connector, .frame, .group:
            kind = .text
            depth -= 1
            guard depth == 0, !shapes.isEmpty else { return }
            builder.end()
            shapes[shapes.count - 1].blocks = shapes[shapes.count - 1].blocks.lowerBound..<builder.blocks.count
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

    private func beginShape() {
        kind = .text
        depth += 1
        guard depth == 1 else { return }
        builder.end()
        shapes.append(SlideShape(blocks: builder.blocks.count..<builder.blocks.count))
    }

    private func setPlaceholder(_ attributes: MarkupAttributes) {
        switch attributes["type"] ?? "" {
        case "title", "ctrTitle": kind = .title
        case "sldNum", "dt", "ftr", "hdr": kind = .furniture
        default: break
        }
        guard depth == 1, !shapes.isEmpty else { return }
        shapes[shapes.count - 1].isTitle = kind == .title
        shapes[shapes.count - 1].place = layout?.place(SlideLayout.key(attributes))
    }

    /// The first place in a shape is its own; a placeholder's own stands before its layout's.
    private func describe(_ element: Element, _ attributes: MarkupAttributes) {
        let last = shapes.count - 1
        switch element {
        case .offset where depth == 1 || shapes[last].place == nil:
            guard let place = SlideShape.Place(attributes) else { return }
            shapes[last].place = place
            isPlaced = true
        case .extent:
            if isPlaced { shapes[last].place?.setSize(attributes) }
            isPlaced = false
        case .properties: builder.appendAlternative(attributes)
        case .chart: addPart(.chart, attributes["id"])
        case .diagram: addPart(.diagram, attributes["dm"])
        default: break
        }
    }

    private func addPart(_ kind: SlideShape.Part, _ id: String?) {
        guard let id, shapes[shapes.count - 1].parts.count < Self.mostParts else { return }
        shapes[shapes.count - 1].parts.append((kind, id))
    }
}
