import CPopplerTuning

/// What is behind the letters of a page, as far as poppler tells: white ones show on a dark bar.
struct Background {
    private let fills: UnsafeBufferPointer<poppler_tuning_fill>
    private static let dark: Float = 0.8
    /// Of letters times areas, for a page.
    private static let mostLooks = 4_000_000

    /// Of the page that was read last.
    static func take() -> Background { Background(fills: DrawnCharacters.fills()) }

    /// The styles, of which letters that are white on something darker are none.
    func shown(_ styles: [TextStyle], _ boxes: [CharacterBox]) -> [TextStyle] {
        guard !fills.isEmpty, styles.contains(where: \.isWhite) else { return styles }
        var shown: [TextStyle] = []
        var looks = Self.mostLooks
        for style in styles {
            guard style.isWhite, style.start >= 0, style.start < boxes.count else {
                shown.append(style)
                continue
            }
            for place in style.start...max(style.start, min(style.end, boxes.count - 1)) {
                let isWhite = looks < 0 || !isDark(boxes[place])
                looks -= fills.count
                if place > style.start, shown[shown.count - 1].isWhite == isWhite {
                    shown[shown.count - 1].end = place
                } else {
                    var part = style
                    (part.start, part.end, part.isWhite) = (place, place, isWhite)
                    shown.append(part)
                }
            }
        }
        return shown
    }

    private func isDark(_ box: CharacterBox) -> Bool {
        let (x, y) = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        let last = fills.last { $0.left <= x && x <= $0.right && $0.top <= y && y <= $0.bottom }
        return last.map { $0.luma < Self.dark } ?? false
    }
}
