/// Numeric references that mean windows-1252, `&#150;` for instance (WHATWG HTML, "numeric character reference end state").
enum WindowsReferences {
    /// The letter in UTF-8 by the last byte of the control character, U+0080 to U+009F, that the number says. The parser reports each reference by itself.
    static let letters: [UInt8: [UInt8]] = {
        let characters = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ".unicodeScalars
        let pairs = characters.enumerated().filter { $0.element.value > 0x9F }
        return Dictionary(uniqueKeysWithValues: pairs.map { (UInt8(0x80 + $0.offset), Array(String($0.element).utf8)) })
    }()
}
