import ExtractionWire

/// Excel workbooks (ECMA-376 part 1, §18): each sheet under its name, each row with its columns' names, dates as dates, then what is drawn on the
/// sheet and its comments. A hidden sheet is read, and counts as hidden text.
enum Spreadsheet {
    static func read(
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let workbook = WorkbookHandler()
        try archive.parse(package.main, workbook)
        let relationships = package.parts
        let strings = SharedStrings(limit: limits.textBytes)
        if let part = package.part("sharedStrings", in: archive) { try archive.parse(part, strings) }
        let styles = CellStyles()
        if let part = package.part("styles", in: archive) { try archive.parse(part, styles) }
        var builder = TextBuilder(limit: limits.textBytes)
        var hidden = 0
        for sheet in workbook.sheets {
            let start = builder.text.count
            guard let part = relationships.targets[sheet.id], !builder.isOverLimit else { continue }
            builder.begin(.heading, level: 2)
            builder.append(sheet.name)
            let handler = SheetHandler(builder, strings.values, styles.formats, epoch: workbook.epoch)
            try archive.parse(part, handler)
            handler.finish()
            builder = handler.builder
            let parts = try Relationships.of(part, in: &archive)
            // Where both are there, the old ones say that there are new ones.
            let comments = parts.first("threadedComment") == nil ? "comments" : "threadedComment"
            for (type, target) in parts.byType {
                if type == "drawing" {
                    try DrawingText.append(target, &archive, to: &builder, limit: limits.textBytes)
                } else if type == comments {
                    try Comments.append(target, &archive, to: &builder)
                }
            }
            builder.end()
            if sheet.isHidden { hidden += builder.text[start...].inkedCharacters }
        }
        var document = try builder.document(.xlsx, limits: limits)
        try package.describe(&document, &archive)
        document.notes.hiddenCharacters += hidden
        return document
    }
}

private final class WorkbookHandler: MarkupHandler {
    private(set) var sheets: [(name: String, id: String, isHidden: Bool)] = []
    private(set) var epoch = SerialDate.Epoch.from1900
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "sheet":
            guard let id = attributes.all.last(where: { $0.name == "id" })?.value else { return }
            let isHidden = (attributes["state"] ?? "visible") != "visible"
            sheets.append((attributes["name"] ?? "", id, isHidden))
        case "workbookPr": if ["1", "true"].contains(attributes["date1904"]) { epoch = .from1904 }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

/// How cells show their numbers, by the number of their style.
private final class CellStyles: MarkupHandler {
    private(set) var formats: [NumberFormat?] = []
    private var custom: [Int: NumberFormat] = [:]
    private var isInCells = false
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "numFmt":
            if let id = attributes["numFmtId"].flatMap({ Int($0) }), let code = attributes["formatCode"] {
                custom[id] = NumberFormat(code: code)
            }
        case "cellXfs": isInCells = true
        case "xf":
            let id = attributes["numFmtId"].flatMap { Int($0) } ?? 0
            if isInCells { formats.append(custom[id] ?? NumberFormat(builtIn: id)) }
        default: break
        }
    }

    func end(_ name: MarkupName) { if name.string == "cellXfs" { isInCells = false } }
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

private final class SheetHandler: MarkupHandler {
    private enum Element: String {
        case row
        case cell = "c"
        case value = "v"
        case text = "t"
        case other
    }

    var builder: TextBuilder
    private let strings: [String]
    private let formats: [NumberFormat?]
    private let epoch: SerialDate.Epoch
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var table = RecordTable()
    private var cells: [String] = []
    private var row = 0
    private var column = 0
    private var type = ""
    private var format: NumberFormat?
    private var value: [UInt8] = []
    private var isValue = false
    /// Columns of a sheet (§18.3.1.4); what lies beyond is no sheet's.
    private static let mostColumns = 16_384

    init(_ builder: TextBuilder, _ strings: [String], _ formats: [NumberFormat?], epoch: SerialDate.Epoch) {
        (self.builder, self.strings, self.formats, self.epoch) = (builder, strings, formats, epoch)
    }

    var isDone: Bool { builder.isOverLimit }

    func finish() { table.end(&builder) }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch names.meaning(of: name) {
        case .row:
            cells = []
            let number = attributes["r"].flatMap { Int($0) } ?? row &+ 1
            // Empty rows need not be written.
            if number > row &+ 1 { table.end(&builder) }
            row = number
        case .cell:
            column = attributes["r"].flatMap(Self.column) ?? cells.count
            type = attributes["t"] ?? ""
            format = attributes["s"].flatMap { Int($0) }.flatMap { formats.indices.contains($0) ? formats[$0] : nil }
            value = []
        case .value, .text: isValue = true
        case .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch names.meaning(of: name) {
        case .row: table.add(cells, to: &builder)
        case .cell:
            let text = cellText
            guard !text.isEmpty, column < Self.mostColumns else { return }
            while cells.count <= column { cells.append("") }
            cells[column] = text
        case .value, .text: isValue = false
        case .other: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) { if isValue { value.append(contentsOf: text) } }

    private var cellText: String {
        let text = String(decoding: value, as: UTF8.self)
        switch type {
        case "s":
            guard let index = Int(text), strings.indices.contains(index) else { return "" }
            return strings[index]
        case "b": return text == "1" ? "TRUE" : "FALSE"
        case "", "n":
            guard let number = Double(text) else { return text }
            if let shown = format?.text(number, epoch) { return shown }
            // Binary fractions are written with 17 digits: 0.1 as 0.10000000000000001.
            return number.magnitude < 9e15 && number == number.rounded() ? String(Int(number)) : "\(number)"
        default: return EscapedText.plain(text)
        }
    }

    /// `AB12` is column 27, from 0.
    private static func column(_ reference: String) -> Int? {
        var column = 0
        for byte in reference.utf8 {
            guard byte >= 0x41, byte <= 0x5A, column < 1 << 20 else { break }
            column = column * 26 + Int(byte - 0x40)
        }
        return column > 0 ? column - 1 : nil
    }
}
