/// Letters of fonts whose codes are signs (ECMA-376 part 1, §17.3.3.30): Symbol by Adobe's encoding, Wingdings where Unicode has the sign.
enum SymbolFont {
    /// The sign that a code of U+F020 to U+F0FF, or the same without U+F000, is in a font; nil where none is known.
    static func scalar(_ code: UInt32, font: String) -> Unicode.Scalar? {
        let low = code >= 0xF000 ? code - 0xF000 : code
        guard (0x20...0xFF).contains(low) else { return nil }
        let name = font.lowercased()
        if name.hasPrefix("symbol") { return symbol[Int(low)] }
        if name == "wingdings" { return wingdings[low] }
        return nil
    }

    /// Text whose private codes (U+F020 to U+F0FF) are signs.
    static func plain(_ text: UnsafeBufferPointer<UInt8>, font: String) -> [UInt8] {
        var plain: [UInt8] = []
        for each in String(decoding: text, as: UTF8.self).unicodeScalars {
            let sign = (0xF020...0xF0FF).contains(each.value) ? scalar(each.value, font: font) : nil
            plain.append(contentsOf: UTF8.encode(sign ?? each)!)
        }
        return plain
    }

    /// From 0x20 (Adobe, Symbol encoding); a blank where there is no sign of one character.
    private static let symbol: [Int: Unicode.Scalar] = {
        let low = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_ αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
        let high = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…  ↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑"
        var signs: [Int: Unicode.Scalar] = [:]
        for (first, text) in [(0x20, low), (0xA0, high)] {
            for (place, scalar) in text.unicodeScalars.enumerated() where scalar != " " {
                signs[first + place] = scalar
            }
        }
        return signs
    }()

    private static let wingdings: [UInt32: Unicode.Scalar] = [
        0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "☐", 0x72: "☐", 0x73: "◆",
        0x78: "☒", 0x9F: "•",
        0xA1: "○", 0xA7: "▪", 0xA8: "☐", 0xAB: "★", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔",
        0xF0: "⇨", 0xFB: "✗", 0xFC: "✓",
        0xFD: "☒", 0xFE: "☑",
    ]
}
