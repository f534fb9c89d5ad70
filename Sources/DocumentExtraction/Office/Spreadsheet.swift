import ExtractionWire

/// Excel workbooks (ECMA-376 part 1, §18): each sheet under its name, each row with its columns' names, dates as dates.
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
        for sheet in workbook.sheets {
            guard let part = relationships.targets[sheet.id], !builder.isOverLimit else { continue }
            builder.begin(.heading, level: 2)
            builder.append(sheet.name)
            let handler = SheetHandler(builder, strings.values, styles.formats, epoch: workbook.epoch)
            try archive.parse(part, handler)
            handler.finish()
            builder = handler.builder
        }
        var document = try builder.document(.xlsx, limits: limits)
        try package.describe(&document, &archive)
        return document
    }
}

private final class WorkbookHandler: MarkupHandler {
    private(set) var sheets: [(name: String, id: String)] = []
    private(set) var epoch = SerialDate.Epoch.from1900
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "sheet":
            guard let id = attributes.all.last(where: { $0.name == "id" })?.value else { return }
            sheets.append((attributes["name"] ?? "", id))
        case "workbookPr": if ["1", "true"].contains(attributes["date1904"]) { epoch = .from1904 }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

/// Texts that cells share. Phonetic readings are left out.
private final class SharedStrings: MarkupHandler {
    private(set) var values: [String] = []
    private var current: [UInt8] = []
    private var isText = false
    private var phonetic = 0
    private var bytes = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var isDone: Bool { bytes > limit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "si": current = []
        case "t": isText = true
        case "rPh": phonetic += 1
        default: break
        }
    }

    func end(_ name: MarkupName) {
        switch name.string {
        case "si":
            bytes += current.count + 16
            values.append(String(decoding: current, as: UTF8.self))
        case "t": isText = false
        case "rPh": phonetic -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if isText, phonetic == 0 { current.append(contentsOf: text) }
    }
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
        default: return text
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

/// Days since an epoch, as spreadsheets keep dates (ECMA-376 part 1, §18.17.4.1).
enum SerialDate {
    enum Epoch {
        case from1900
        case from1904
    }

    /// ISO 8601; a value below one is a time of day.
    static func text(_ value: Double, _ epoch: Epoch) -> String {
        guard value >= 0, value < 2_958_466 else { return "\(value)" }
        var days = Int(value.rounded(.down))
        var seconds = Int(((value - Double(days)) * 86_400).rounded())
        if seconds == 86_400 { (days, seconds) = (days + 1, 0) }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        if days == 0, epoch == .from1900 { return time }
        // 1900 counts as a leap year there: days after its 28 February are one too many.
        let base = epoch == .from1904 ? 24_107 : days < 60 ? 25_568 : 25_569
        let (year, month, day) = civil(days - base)
        let date = "\(year)-\(two(month))-\(two(day))"
        return seconds == 0 ? date : "\(date) \(time)"
    }

    /// Year, month and day of a day since 1970 (proleptic Gregorian calendar, counted in eras of 400 years).
    private static func civil(_ days: Int) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }
}
