import CVocabulary

/// The classes of characters that cl100k_base's pattern distinguishes, by the tables of Unicode 16.
///
/// Swift's own tables are of a later Unicode than tiktoken's: they would split text that uses new letters differently.
struct CharacterClasses: Sendable {
    static let other: UInt8 = 0
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    static let blank: UInt8 = 3
    static let lineBreak: UInt8 = 4

    private static let blockCount = 0x110000 >> 7
    private nonisolated(unsafe) let index: UnsafePointer<UInt8>
    private nonisolated(unsafe) let tables: UnsafePointer<UInt8>
    nonisolated(unsafe) let ascii: UnsafePointer<UInt8>

    init() {
        index = UnsafePointer(unicode16_classes_start())
        tables = index + Self.blockCount
        ascii = tables + Int(index[0]) << 7
    }

    /// The class and length of the character at `text[position]`; valid UTF-8 only.
    @inline(__always)
    func at(_ text: UnsafePointer<UInt8>, _ position: Int) -> (kind: UInt8, length: Int) {
        let first = UInt32(text[position])
        if first < 0x80 { return (ascii[Int(first)], 1) }
        @inline(__always) func low(_ offset: Int) -> UInt32 { UInt32(text[position + offset] & 0x3F) }
        if first < 0xE0 { return (of((first & 0x1F) << 6 | low(1)), 2) }
        if first < 0xF0 { return (of((first & 0x0F) << 12 | low(1) << 6 | low(2)), 3) }
        return (of((first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3)), 4)
    }

    @inline(__always)
    private func of(_ code: UInt32) -> UInt8 { tables[Int(index[Int(code >> 7)]) << 7 | Int(code & 127)] }
}
