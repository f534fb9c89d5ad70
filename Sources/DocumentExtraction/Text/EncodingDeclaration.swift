/// What a page says of its own encoding: `<meta charset>`, `<meta http-equiv="Content-Type">`, or an XML declaration (WHATWG HTML, "prescan a byte
/// stream to determine its encoding").
///
/// Browsers look at the first 1,024 bytes, and begin again when they meet a declaration later. Comments, scripts, styles and titles declare nothing.
struct EncodingDeclaration {
    private let bytes: Slice<UnsafeRawBufferPointer>
    private var index = 0
    private static let longest = 1 << 20
    private static let textElements: Set<String> = ["script", "style", "title", "textarea", "xmp", "noframes"]

    /// The label; nil where there is none.
    static func label(in bytes: UnsafeRawBufferPointer) -> String? {
        var declaration = EncodingDeclaration(bytes: bytes.prefix(longest))
        return declaration.find()
    }

    /// The label behind `charset=` in a Content-Type (WHATWG HTML, "extracting a character encoding from a meta element").
    static func label(inContentType text: String) -> String? {
        guard let range = text.lowercased().firstRange(of: "charset") else { return nil }
        var rest = text.lowercased()[range.upperBound...].drop(while: \.isWhitespace)
        guard rest.first == "=" else { return nil }
        rest = rest.dropFirst().drop(while: \.isWhitespace)
        if let quote = rest.first, quote == "\"" || quote == "'" {
            rest = rest.dropFirst().prefix { $0 != quote }
        } else {
            rest = rest.prefix { $0 != ";" && !$0.isWhitespace }
        }
        return rest.isEmpty ? nil : String(rest)
    }

    private mutating func find() -> String? {
        while let start = next(of: 0x3C, from: index) {
            index = start + 1
            switch byte {
            case 0x21? where has("!--"): skip(past: "-->", from: index + 1)
            case 0x21?: skip(past: ">", from: index)
            case 0x3F?:
                if has("?xml"), let label = xmlDeclaration() { return label }
                skip(past: ">", from: index)
            case 0x2F?:
                index += 1
                if isLetter(byte) { _ = tag() } else { skip(past: ">", from: index) }
            case let letter where isLetter(letter):
                let (name, attributes) = tag()
                if name == "meta", let label = Self.label(of: attributes) { return label }
                if Self.textElements.contains(name) { skip(past: "</" + name, from: index) }
            default: break
            }
        }
        return nil
    }

    private static func label(of attributes: [String: String]) -> String? {
        if let label = attributes["charset"], !label.isEmpty { return label }
        guard attributes["http-equiv"]?.lowercased() == "content-type", let content = attributes["content"] else {
            return nil
        }
        return label(inContentType: content)
    }

    private mutating func xmlDeclaration() -> String? {
        index += 4
        let attributes = attributes()
        return attributes["encoding"]
    }

    /// Name and attributes of the tag whose name begins here; the first of two of one name counts.
    private mutating func tag() -> (String, [String: String]) {
        let start = index
        while let byte, !isBlank(byte), byte != 0x3E, byte != 0x2F { index += 1 }
        return (text(start..<index).lowercased(), attributes())
    }

    private mutating func attributes() -> [String: String] {
        var found: [String: String] = [:]
        while true {
            while let byte, isBlank(byte) || byte == 0x2F || byte == 0x3F { index += 1 }
            guard let first = byte, first != 0x3E else { return found }
            let start = index
            repeat { index += 1 } while byte.map { !isBlank($0) && ![0x2F, 0x3E, 0x3D].contains($0) } ?? false
            let name = text(start..<index).lowercased()
            while let byte, isBlank(byte) { index += 1 }
            let value = byte == 0x3D ? value() : ""
            if found[name] == nil { found[name] = value }
        }
    }

    private mutating func value() -> String {
        index += 1
        while let byte, isBlank(byte) { index += 1 }
        guard let quote = byte, quote == 0x22 || quote == 0x27 else {
            let start = index
            while let byte, !isBlank(byte), byte != 0x3E { index += 1 }
            return text(start..<index)
        }
        let start = index + 1
        let end = next(of: quote, from: start) ?? bytes.count
        index = min(end + 1, bytes.count)
        return text(start..<end)
    }

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func next(of wanted: UInt8, from start: Int) -> Int? {
        start < bytes.count ? bytes[start...].firstIndex(of: wanted) : nil
    }

    private func has(_ word: StaticString) -> Bool { equals(word.utf8CodeUnitCount, at: index) { word.utf8Start[$0] } }

    private func equals(_ count: Int, at start: Int, _ letter: (Int) -> UInt8) -> Bool {
        start + count <= bytes.count && (0..<count).allSatisfy { lower(bytes[start + $0]) == letter($0) }
    }

    /// To the end of the next occurrence, or of everything.
    private mutating func skip(past word: String, from start: Int) {
        let letters = Array(word.utf8)
        var place = start
        while let found = next(of: letters[0], from: place) {
            if equals(letters.count, at: found, { letters[$0] }) {
                index = found + letters.count
                return
            }
            place = found + 1
        }
        index = bytes.count
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 }

    private func isLetter(_ byte: UInt8?) -> Bool { byte.map { (0x61...0x7A).contains($0 | 0x20) } ?? false }

    private func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
