import ExtractionWire

/// RTF 1.9.1: text, headings by outline level, table rows, notes behind the paragraph that they belong to. Pictures, headers, footers and field codes are left out.
struct RichTextReader {
    /// What a group changes until it ends.
    private struct State {
        var isSkipped = false
        /// Characters after a `\u` that older readers see in its place.
        var replacements = 1
        var codePage = 1252
        var isInfo = false
        var property: Property?

        var isLost: Bool { isSkipped && property == nil }
    }

    private enum Property {
        case title
        case author
    }

    /// A cell as its row defines it: part of the one on its left, or of the one above.
    private struct CellDefinition {
        var continuesLeft = false
        var continuesAbove = false
    }

    private static let maximumDepth = 1000
    private static let skipped: Set<String> = [
        "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "headerl", "headerr", "headerf",
        "footer", "footerl", "footerr",
        "footerf", "themedata", "colorschememapping", "datastore", "latentstyles", "xmlnstbl", "rsidtbl", "generator",
        "listtable",
        "listoverridetable", "fldinst", "nonshppict", "bkmkstart", "bkmkend", "pntxtb", "pntxta", "filetbl", "revtbl",
        "annotation", "atnid",
    ]
    private static let symbols: [String: StaticString] = [
        "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
        "emspace": " ", "enspace": " ",
    ]
    /// Code pages of font character sets (RTF 1.9.1, `\fcharset`).
    private static let codePages = [
        0: 1252, 77: 10_000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255,
        178: 1256, 186: 1257, 204: 1251,
        222: 874, 238: 1250, 255: 437,
    ]

    private var builder: TextBuilder
    private var state = State()
    private var stack: [State] = []
    /// Bytes of a code page: two of them may make one character.
    private var pending: [UInt8] = []
    private var decoders = CodePages()
    private var highSurrogate: UInt32?
    private var fonts: [Int: Int] = [:]
    private var fontTableDepth: Int?
    private var font = 0
    private var baseCodePage = 1252
    private var ignored = 0
    private var isOptional = false
    private var isRow = false
    private var rows = TableCells()
    private var definitions: [CellDefinition] = []
    private var definition = CellDefinition()
    private var isCellOpen = false
    private var column = 0
    /// With what the paragraph around a note is, and the group that the note is.
    private var notes = Asides<(isRow: Bool, depth: Int)>()
    private var properties: [Property: String] = [:]
    private static let mostCells = 1024
    private static let longestProperty = 1024

    static func read(_ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var reader = RichTextReader(builder: TextBuilder(limit: limits.textBytes))
        try reader.parse(bytes)
        var document = try reader.builder.document(.rtf, limits: limits)
        document.title = String(reader.properties[.title, default: ""].trimmed)
        document.author = String(reader.properties[.author, default: ""].trimmed)
        return document
    }

    private init(builder: TextBuilder) { self.builder = builder }

    private mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(Rejection) {
        var index = 0
        while index < bytes.count, !builder.isOverLimit {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0x7B:
                flush()
                guard stack.count < Self.maximumDepth else {
                    throw Rejection(.malformed, "the RTF's groups are nested too deeply")
                }
                stack.append(state)
                (ignored, isOptional) = (0, false)
            case 0x7D:
                flush()
                if let outer = stack.popLast() { state = outer }
                if let note = notes.context, stack.count < note.depth { endNote() }
                if let depth = fontTableDepth, stack.count < depth { fontTableDepth = nil }
                ignored = 0
                if stack.isEmpty { return finish() }
            case 0x00, 0x0A, 0x0D: break
            case 0x5C: control(bytes, &index)
            default: literal(byte)
            }
        }
        flush()
        finish()
    }

    private mutating func finish() {
        while notes.isOpen { endNote() }
        builder.end()
        notes.append(to: &builder)
    }

    private mutating func literal(_ byte: UInt8) {
        if ignored > 0 {
            ignored -= 1
        } else if !state.isLost {
            // The second byte of a character may be an ASCII one in the code pages of East Asia.
            let isSecond = !pending.isEmpty && (932...950).contains(state.codePage)
            if byte < 0x80, !isSecond { flush() }
            pending.append(byte)
        }
    }

    private mutating func control(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) {
        guard index < bytes.count else { return }
        let first = bytes[index]
        guard Self.isLetter(first) else {
            index += 1
            symbol(first, bytes, &index)
            return
        }
        let start = index
        while index < bytes.count, index - start < 32, Self.isLetter(bytes[index]) { index += 1 }
        let word = String(decoding: bytes[start..<index], as: UTF8.self)
        var (value, isNegative, hasValue) = (0, false, false)
        if index < bytes.count, bytes[index] == 0x2D { (isNegative, index) = (true, index + 1) }
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) {
            if value < 1 << 40 { value = value * 10 + Int(bytes[index] - 0x30) }
            (hasValue, index) = (true, index + 1)
        }
        if isNegative { value = -value }
        if index < bytes.count, bytes[index] == 0x20 { index += 1 }
        if word == "bin" {
            index += max(0, min(value, bytes.count - index))
        } else {
            obey(word, value, hasValue)
        }
    }

    private mutating func symbol(_ byte: UInt8, _ bytes: UnsafeRawBufferPointer, _ index: inout Int) {
        switch byte {
        case 0x27:
            guard index + 1 < bytes.count else { return }
            let value = Self.digit(bytes[index]) << 4 | Self.digit(bytes[index + 1])
            index += 2
            literalByte(value)
        case 0x2A: isOptional = true
        case 0x7E: write(" ")
        case 0x5F: write("-")
        case 0x5C, 0x7B, 0x7D: literal(byte)
        case 0x0A, 0x0D: endParagraph()
        default: break
        }
    }

    private mutating func literalByte(_ byte: UInt8) {
        if ignored > 0 { ignored -= 1 } else if !state.isLost { pending.append(byte) }
    }

    private mutating func obey(_ word: String, _ value: Int, _ hasValue: Bool) {
        if word != "u", word != "uc" { flush() }
        if isOptional || Self.skipped.contains(word) {
            if word == "fonttbl" { fontTableDepth = stack.count }
            if word == "info" { state.isInfo = true }
            if !(isOptional && ["shptxt", "shpinst", "nesttableprops"].contains(word)) { state.isSkipped = true }
            isOptional = false
        }
        switch word {
        case "u": scalar(UInt32(truncatingIfNeeded: value < 0 ? value + 65_536 : value))
        case "uc": state.replacements = max(0, min(value, 16))
        case "ansicpg": (baseCodePage, state.codePage) = (value, value)
        case "mac": (baseCodePage, state.codePage) = (10_000, 10_000)
        case "f": (font, state.codePage) = (value, fonts[value] ?? baseCodePage)
        case "fcharset":
            if fontTableDepth != nil { fonts[font] = value < 2 ? baseCodePage : Self.codePages[value] ?? baseCodePage }
        case "outlinelevel":
            if !state.isSkipped, hasValue, (0..<9).contains(value) {
                builder.begin(.heading, level: UInt8(min(6, value + 1)))
            }
        case "title": if state.isInfo { state.property = .title }
        case "author": if state.isInfo { state.property = .author }
        case "footnote": if !state.isSkipped { beginNote() }
        case "pard": isRow = false
        case "intbl": isRow = true
        case "par", "sect", "page": endParagraph()
        case "line", "tab": write(" ")
        case "trowd": (definitions, definition) = ([], CellDefinition())
        case "clmrg": definition.continuesLeft = true
        case "clvmrg": definition.continuesAbove = true
        case "cellx":
            if definitions.count < Self.mostCells { definitions.append(definition) }
            definition = CellDefinition()
        case "cell": if !state.isSkipped { endCell() }
        case "nestcell": if !state.isSkipped { builder.separate() }
        case "nestrow": if !state.isSkipped { builder.softBreak() }
        case "row": if !state.isSkipped { endRow() }
        default: if let symbol = Self.symbols[word] { write(symbol) }
        }
    }

    private mutating func endParagraph() {
        flush()
        guard !state.isSkipped else { return }
        guard !isRow else { return builder.softBreak() }
        builder.end()
        notes.append(to: &builder)
    }

    // Tables.

    private mutating func beginCell() {
        guard !isCellOpen else { return }
        if rows.isEmpty {
            rows.beginRow(&builder)
            column = 0
        }
        rows.beginCell(&builder)
        isCellOpen = true
    }

    private func isContinued(_ column: Int, _ side: KeyPath<CellDefinition, Bool>) -> Bool {
        definitions.indices.contains(column) && definitions[column][keyPath: side]
    }

    private mutating func endCell() {
        // A cell that goes on from the left is empty, and the one there is as wide as both.
        if isCellOpen || !isContinued(column, \.continuesLeft) {
            beginCell()
            var columns = 1
            while isContinued(column + columns, \.continuesLeft) { columns += 1 }
            rows.setColumns(columns)
            if isContinued(column, \.continuesAbove) { rows.setContinued() }
            rows.endCell(&builder)
            isCellOpen = false
        }
        column += 1
    }

    private mutating func endRow() {
        if isCellOpen { endCell() }
        if !rows.isEmpty { rows.endRow(&builder) }
        notes.append(to: &builder)
    }

    // Notes.

    private mutating func beginNote() {
        notes.begin(&builder, (isRow, stack.count))
        isRow = false
    }

    private mutating func endNote() {
        if let note = notes.end(&builder) { isRow = note.isRow }
    }

    private mutating func scalar(_ value: UInt32) {
        flush()
        ignored = state.replacements
        guard !state.isLost else { return }
        if (0xD800..<0xDC00).contains(value) {
            highSurrogate = value
            return
        }
        var scalar = value
        if (0xDC00..<0xE000).contains(value), let high = highSurrogate {
            scalar = 0x10000 + (high - 0xD800) << 10 + (value - 0xDC00)
        }
        highSurrogate = nil
        append(String(Unicode.Scalar(scalar) ?? "\u{FFFD}"))
    }

    private mutating func write(_ text: StaticString) {
        flush()
        if !state.isLost { append("\(text)") }
    }

    private mutating func flush() {
        guard !pending.isEmpty else { return }
        let text =
            pending.allSatisfy { $0 < 0x80 }
            ? String(decoding: pending, as: UTF8.self) : decoders.decode(pending, state.codePage)
        pending.removeAll(keepingCapacity: true)
        append(text)
    }

    private mutating func append(_ text: String) {
        if let property = state.property {
            if properties[property, default: ""].utf8.count < Self.longestProperty {
                properties[property, default: ""] += text
            }
            return
        }
        if isRow, !notes.isOpen { beginCell() } else if rows.isEmpty { rows.endTable() }
        builder.append(text)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func digit(_ byte: UInt8) -> UInt8 {
        byte <= 0x39 ? (byte &- 0x30) & 15 : ((byte | 0x20) &- 0x57) & 15
    }
}

/// Bytes in Windows code pages to text. Owns the converters of one document.
private struct CodePages {
    func decode(_ bytes: [UInt8], _ page: Int) -> String {
        // The name is made of a number: never of the document's text.
        let name = page == 10_000 ? "MACINTOSH" : page == 65_001 ? "UTF-8" : "CP\(page)"
        let decoded = bytes.withUnsafeBytes { bytes in
            (try? TextDecoder.convert(bytes, from: name)) ?? (try? TextDecoder.convert(bytes, from: "WINDOWS-1252"))
                ?? []
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
