/// Replaces presentation forms and removes invisible characters: ligatures, letters of fixed width or shape and radicals that stand for ideographs become plain letters,
/// letters with marks one character (Unicode's form C), soft hyphens and invisible marks go.
///
/// Marks that turn the direction of text and tag characters can hide text from readers; how many there were is kept.
struct TextCleaning {
    /// Direction marks (U+202A to U+202E, U+2066 to U+2069) and tag characters (U+E0000 to U+E007F).
    private(set) var hidden = 0

    /// Latin ligatures, U+FB00 to U+FB06 (Unicode, Alphabetic Presentation Forms).
    private static let ligatures: [[UInt8]] = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"].map { Array($0.utf8) }

    /// A mark was seen that may belong to the letter before it.
    private(set) var hasMarks = false

    /// The first byte that may begin a character to change, nil in most texts.
    static func firstSpecial(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0xC2 {
                index += 1
                continue
            }
            if width(bytes, index) > 0 { return index }
            index += 1
        }
        return nil
    }

    mutating func clean(_ bytes: UnsafeBufferPointer<UInt8>, from special: Int) -> [UInt8] {
        var cleaned = Array(bytes[..<special])
        var index = special
        var composes = false
        while index < bytes.count {
            let width = Self.width(bytes, index)
            guard width > 0 else {
                cleaned.append(bytes[index])
                index += 1
                continue
            }
            if UnicodeForms.isMark(bytes, index) {
                composes = true
                cleaned.append(contentsOf: bytes[index..<index + width])
            } else if UnicodeForms.isCompatible(bytes, index) {
                composes = true
                cleaned.append(contentsOf: UnicodeForms.plain(bytes[index..<index + width]))
            } else if bytes[index] == 0xEF, bytes[index + 1] == 0xAC {
                cleaned.append(contentsOf: Self.ligatures[Int(bytes[index + 2] & 0x07)])
            } else if Self.isHiding(bytes, index) {
                hidden += 1
            }
            index += width
        }
        guard composes else { return cleaned }
        hasMarks = true
        return UnicodeForms.composed(cleaned)
    }

    /// The length of the character at `index` where it is one to change, else 0.
    private static func width(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        if bytes[index] >= 0xCC, UnicodeForms.isMark(bytes, index) || UnicodeForms.isCompatible(bytes, index) {
            return bytes[index] < 0xE0 ? 2 : bytes[index] < 0xF0 ? 3 : 4
        }
        switch bytes[index] {
        case 0xC2: return index + 1 < bytes.count && bytes[index + 1] == 0xAD ? 2 : 0
        case 0xE2:
            guard index + 2 < bytes.count else { return 0 }
            switch (bytes[index + 1], bytes[index + 2]) {
            case (0x80, 0x8B), (0x80, 0xAA...0xAE), (0x81, 0xA0...0xA9): return 3
            default: return 0
            }
        case 0xEF:
            guard index + 2 < bytes.count else { return 0 }
            switch (bytes[index + 1], bytes[index + 2]) {
            case (0xAC, 0x80...0x86), (0xBB, 0xBF): return 3
            default: return 0
            }
        case 0xF3:
            guard index + 3 < bytes.count else { return 0 }
            return bytes[index + 1] == 0xA0 && bytes[index + 2] <= 0x81 ? 4 : 0
        default: return 0
        }
    }

    private static func isHiding(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        switch (bytes[index], bytes[index + 1]) {
        case (0xE2, 0x80): bytes[index + 2] >= 0xAA
        case (0xE2, 0x81): bytes[index + 2] >= 0xA6
        case (0xF3, _): true
        default: false
        }
    }
}
