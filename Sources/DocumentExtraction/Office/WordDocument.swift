import ExtractionWire

/// Word documents (ECMA-376 part 1, §17): body, footnotes and endnotes. Deleted text and comments are left out.
enum WordDocument {
    static func read(
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let styles = WordStyles()
        if let part = package.part("styles", in: archive) { try archive.parse(part, styles) }
        var builder = TextBuilder(limit: limits.textBytes)
        var imports: [WordHandler.Import] = []
        let notes = ["footnotes", "endnotes"].compactMap { package.part($0, in: archive) }
        for part in [package.main] + notes {
            let handler = WordHandler(builder, styles)
            try archive.parse(part, handler)
            builder = handler.builder
            if part == package.main { imports = handler.imports }
        }
        if !imports.isEmpty {
            builder = try merged(builder, imports, package, &archive, limits)
        }
        var document = try builder.document(.docx, limits: limits)
        try package.describe(&document, &archive)
        document.notes.attachments = archive.names(in: "word/embeddings/")
        return document
    }

    /// With the documents of other formats that stand in it (§17.17.2.1, `altChunk`), as report generators write them.
    private static func merged(
        _ builder: TextBuilder,
        _ imports: [WordHandler.Import],
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> TextBuilder {
        let own = try builder.document(.docx, limits: limits)
        var merged = TextBuilder(limit: limits.textBytes)
        var next = 0
        for each in imports {
            guard let part = package.parts.targets[each.id], let bytes = try archive.part(part), !bytes.isEmpty else {
                continue
            }
            merged.append(own, blocks: next..<each.block)
            next = each.block
            let hints = ExtractionHints(name: String(part.split(separator: "/").last ?? ""))
            let read = bytes.withUnsafeBytes { bytes in
                Result { () throws(Rejection) in
                    try DocumentReader.read(bytes, hints: hints, limits: limits, recognizer: nil, nesting: 1)
                }
            }
            switch read {
            case .success(let document): merged.append(document)
            case .failure(let rejection) where rejection.code == .outputLimit: throw rejection
            case .failure: break
            }
        }
        merged.append(own, blocks: next..<own.blocks.count)
        return merged
    }
}

/// Which paragraph styles are headings, and of which level: by their name, by their outline level, or by the style they are based on.
private final class WordStyles: MarkupHandler {
    private var levels: [String: UInt8] = [:]
    private var style = ""
    private var parents: [String: String] = [:]

    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "style": style = attributes["styleId"] ?? ""
        case "name":
            let name = (attributes["val"] ?? "").lowercased()
            if name == "title" { levels[style] = 1 }
            if name.hasPrefix("heading "), let level = UInt8(name.dropFirst(8)) {
                levels[style] = min(6, max(1, level))
            }
        case "basedOn": parents[style] = attributes["val"]
        case "outlineLvl":
            if levels[style] == nil, let level = attributes["val"].flatMap({ UInt8($0) }), level < 9 {
                levels[style] = min(6, level + 1)
            }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}

    func level(_ style: String) -> UInt8? {
        var style = style
        for _ in 0..<16 {
            if let level = levels[style] { return level }
            guard let parent = parents[style] else { return nil }
            style = parent
        }
        return nil
    }
}

private final class WordHandler: MarkupHandler {
    private enum Element: String {
        case paragraph = "p"
        case style = "pStyle"
        case numbering = "numPr"
        case outline = "outlineLvl"
        case text = "t"
        case tab, br, cr
        case row = "tr"
        case cell = "tc"
        case hyphen = "noBreakHyphen"
        case fallback = "Fallback"
        case properties = "pPr"
        case importedPart = "altChunk"
        case wholeTable = "tbl"
        case columns = "gridSpan"
        case mergedCell = "vMerge"
        case other
    }

    /// A document of another format: the id of its relationship, and the number of blocks before it.
    struct Import {
        var id: String
        var block: Int
    }

    private(set) var imports: [Import] = []

    var builder: TextBuilder
    private let styles: WordStyles
    private var table = NameTable { Element(rawValue: $0) ?? .other }
    private var isText = false
    private var isProperties = false
    private var rows = TableCells()
    private var fallbacks = 0

    init(_ builder: TextBuilder, _ styles: WordStyles) {
        self.builder = builder
        self.styles = styles
    }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch table.meaning(of: name) {
        case .paragraph: if !rows.isEmpty { builder.softBreak() } else { builder.begin(.paragraph) }
        case .properties: isProperties = true
        case .style:
            if isProperties, rows.isEmpty, let level = attributes["val"].flatMap(styles.level) {
                builder.begin(.heading, level: level)
            }
        case .outline:
            if isProperties, rows.isEmpty, let level = attributes["val"].flatMap({ UInt8($0) }), level < 9 {
                builder.begin(.heading, level: min(6, level + 1))
            }
        case .numbering: if isProperties, rows.isEmpty, builder.isBegun(.paragraph) { builder.begin(.listItem) }
        case .text: isText = true
        case .tab, .br, .cr: if !isProperties { builder.append(" ") }
        case .hyphen: builder.append("-")
        case .row: rows.beginRow(&builder)
        case .cell: rows.beginCell(&builder)
        case .columns: if let columns = attributes["val"].flatMap({ Int($0) }) { rows.setColumns(columns) }
        case .mergedCell: if attributes["val"] != "restart" { rows.setContinued() }
        case .fallback: fallbacks += 1
        case .importedPart:
            builder.end()
            if let id = attributes["id"] { imports.append(Import(id: id, block: builder.blocks.count)) }
        case .wholeTable, .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch table.meaning(of: name) {
        case .paragraph: if !rows.isEmpty { builder.softBreak() } else { builder.end() }
        case .properties: isProperties = false
        case .text: isText = false
        case .cell: rows.endCell(&builder)
        case .row: rows.endRow(&builder)
        case .wholeTable: rows.endTable()
        case .fallback: fallbacks -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        // A fallback says again what its choice said.
        if isText, fallbacks == 0 { builder.append(text) }
    }
}
