import ExtractionWire

/// RTF 1.9.1: text, headings by outline level, table rows. Pictures, headers, footers and field codes are left out.
struct RichTextReader {
    /// What a group changes until it ends.
    private struct State {
        var isSkipped = false
        /// Characters after a `\u` that older readers see in its place.
        var replacements = 1
        var codePage = 1252
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

    static func read(_ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        var reader = RichTextReader(builder: TextBuilder(limit: limits.textBytes))
        try reader.parse(bytes)
        return try reader.builder.document(.rtf, limits: limits)
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
                if let depth = fontTableDepth, stack.count < depth { fontTableDepth = nil }
                ignored = 0
                if stack.isEmpty { return }
            case 0x00, 0x0A, 0x0D: break
            case 0x5C: control(bytes, &index)
            default: literal(byte)
            }
        }
        flush()
    }

    private mutating func literal(_ byte: UInt8) {
        if ignored > 0 {
            ignored -= 1
        } else if !state.isSkipped {
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
        if ignored > 0 { ignored -= 1 } else if !state.isSkipped { pending.append(byte) }
    }

    private mutating func obey(_ word: String, _ value: Int, _ hasValue: Bool) {
        if word != "u", word != "uc" { flush() }
        if isOptional || Self.skipped.contains(word) {
            if word == "fonttbl" { fontTableDepth = stack.count }
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
        case "pard": isRow = false
        case "intbl": isRow = true
        case "par", "sect", "page": endParagraph()
        case "line", "tab": write(" ")
        case "cell", "nestcell": if !state.isSkipped { builder.separate() }
        case "row", "nestrow": if !state.isSkipped { builder.end() }
        default: if let symbol = Self.symbols[word] { write(symbol) }
        }
    }

    private mutating func endParagraph() {
        flush()
        guard !state.isSkipped else { return }
        if isRow { builder.softBreak() } else { builder.end() }
    }

    private mutating func scalar(_ value: UInt32) {
        flush()
        ignored = state.replacements
        guard !state.isSkipped else { return }
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
        if !state.isSkipped { append("\(text)") }
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
        if isRow, !builder.isInside(.tableRow) { builder.begin(.tableRow) }
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
