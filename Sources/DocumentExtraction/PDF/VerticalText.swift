import CPopplerTuning

/// Chinese, Japanese and Korean in columns from the right to the left, each letter drawn by itself below the last one: poppler takes what is side by side for lines.
enum VerticalText {
    private static let fewest = 8
    /// Of a letter's height: letters of a column touch each other.
    private static let touching: Float = 0.3

    /// The characters of such a page as they run, empty for every other page.
    static func characters(_ text: UnsafeBufferPointer<UInt8>, _ boxes: UnsafeBufferPointer<CharacterBox>)
        -> [poppler_tuning_character]
    {
        guard text.count(where: { (0xE3...0xED).contains($0) || $0 == 0xEF }) >= fewest else { return [] }
        var letters: [(scalar: Unicode.Scalar, box: CharacterBox)] = []
        var place = 0
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            defer { place += 1 }
            guard scalar.value > 0x20, place < boxes.count else { continue }
            letters.append((scalar, boxes[place]))
        }
        let wide = letters.filter { isWide($0.scalar) }.map(\.box)
        guard wide.count >= fewest, wide.count * 4 >= letters.count * 3 else { return [] }
        let columns = wide.sorted { ($0.left.rounded(), $0.top) < ($1.left.rounded(), $1.top) }
        let rows = wide.sorted { ($0.top.rounded(), $0.left) < ($1.top.rounded(), $1.left) }
        let below = zip(columns, columns.dropFirst()).count {
            abs($1.left - $0.left) < 1.5 && abs($1.top - $0.bottom) < touching * $0.height
        }
        let beside = zip(rows, rows.dropFirst()).count {
            abs($1.top - $0.top) < 1.5 && abs($1.left - $0.right) < touching * $0.height
        }
        guard below * 5 >= wide.count * 3, below > beside * 3 else { return [] }
        return letters.map { letter in
            poppler_tuning_character(
                x: letter.box.left + descent * letter.box.width,
                y: letter.box.top,
                across: 0,
                down: 1,
                advance: letter.box.height,
                size: letter.box.width,
                scalar: letter.scalar.value
            )
        }
    }

    /// Where letters on their side stand, of a column's width.
    private static let descent: Float = 0.15

    /// Kana, ideographs, Hangul and what is as wide (U+3000 to U+D7FF, U+F900 to U+FAFF, U+FE30 to U+FE4F, U+FF00 to U+FFEF).
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3000...0xD7FF, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFFEF, 0x20000...0x3FFFF: true
        default: false
        }
    }
}
