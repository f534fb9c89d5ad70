import CPopplerTuning

/// A page's upright text from its characters as they are drawn, for pages of which poppler's selection loses letters or tears words: those with scripts that run
/// from right to left or have marks above their letters, and whichever it left letters out of.
struct UprightText {
    private typealias Character = poppler_tuning_character

    private(set) var text: [UInt8]
    private(set) var boxes: [CharacterBox]
    private(set) var styles: [TextStyle]

    /// What poppler has read since it was last looked at.
    /// - Parameter selected: poppler's text of the page, with the boxes and looks of its characters.
    /// - Returns: nil where that is as good.
    static func take(
        beside selected: UnsafeBufferPointer<UInt8>,
        _ boxes: UnsafeBufferPointer<CharacterBox>,
        _ styles: [TextStyle],
        page: CharacterBox
    ) -> UprightText? {
        let drawn = DrawnCharacters.upright()
        if drawn.contains(where: { RightToLeft.contains($0.scalar) || isStacked($0.scalar) }) {
            return UprightText(drawn.filter { $0.isVisible || $0.isBlank }, CharacterLooks(styles, boxes))
        }
        guard isShort(letters(of: selected), of: drawn.count { isOnPage($0, page) }) else { return nil }
        // Letters that are drawn twice are one.
        let upright = UprightText(drawn.filter { isOnPage($0, page) || $0.isBlank }, CharacterLooks(styles, boxes))
        let letterCount = upright.text.withUnsafeBufferPointer { letters(of: $0) }
        return isShort(letters(of: selected), of: letterCount) ? upright : nil
    }

    private static func isShort(_ selected: Int, of drawn: Int) -> Bool { selected < drawn - drawn / 20 }

    /// Characters of UTF-8 text that show.
    private static func letters(of text: UnsafeBufferPointer<UInt8>) -> Int {
        text.indices.count { place in
            text[place] > 0x20 && text[place] & 0xC0 != 0x80 && DirectionMarks.mark(text, place) == nil
        }
    }

    private static func isOnPage(_ character: Character, _ page: CharacterBox) -> Bool {
        character.isVisible && (page.left...max(page.left, page.right)).contains(character.x)
            && (page.top...max(page.top, page.bottom)).contains(character.y)
    }

    private init(_ characters: [Character], _ looks: CharacterLooks) {
        let lines = CharacterLines(Self.attached(characters), PageFrame.upright)
        (text, boxes) = (lines.text, lines.boxes)
        styles = looks.isPlain ? lines.styles : looks.styles(of: lines.boxes, sizes: lines.styles)
    }

    /// Adds what people have filled in.
    mutating func append(_ fields: PageFields) { fields.append(to: &text, &boxes) }

    /// - Parameter usualColumn: see `PageLayout`.
    func layout(page: CharacterBox, usualColumn: inout Float?) -> PageLayout {
        text.withUnsafeBufferPointer { text in
            boxes.withUnsafeBufferPointer { boxes in
                PageLayout(text: text, boxes: boxes, styles: styles, page: page, usualColumn: &usualColumn)
            }
        }
    }

    /// Thai and Lao, with vowels and tones above and below the letters.
    private static func isStacked(_ scalar: UInt32) -> Bool { (0xE00...0xEFF).contains(scalar) }

    /// How far a letter may be from its marks, in characters as they are drawn.
    private static let reach = 4

    /// Marks on the base line of their letter, and behind it in the order of reading. From left to right they are drawn behind it; from right to left on either side.
    private static func attached(_ characters: [Character]) -> [Character] {
        var attached = characters
        var marks = 0
        for (place, mark) in characters.enumerated() {
            guard isMark(mark.scalar) else {
                marks = 0
                continue
            }
            marks += 1
            guard let letter = letter(of: place, characters) else { continue }
            let isRightToLeft = RightToLeft.contains(mark.scalar)
            let (base, step) = (characters[letter], 0.01 * mark.size * Float(marks))
            attached[place].y = base.y
            attached[place].x = isRightToLeft ? base.x - step : base.x + base.advance - 0.1 * mark.size + step
            attached[place].advance = 0
        }
        return attached
    }

    private static func letter(of place: Int, _ characters: [Character]) -> Int? {
        let mark = characters[place]
        let isRightToLeft = RightToLeft.contains(mark.scalar)
        func distance(_ letter: Int) -> Float {
            let letter = characters[letter]
            return abs(mark.x - letter.x - (isRightToLeft ? letter.advance / 2 : letter.advance))
        }
        let near = max(0, place - reach)...(isRightToLeft ? min(characters.count - 1, place + reach) : place)
        let letters = near.filter {
            !isMark(characters[$0].scalar) && !characters[$0].isBlank
                && abs(mark.y - characters[$0].y) < characters[$0].size
        }
        let letter = isRightToLeft ? letters.min { distance($0) < distance($1) } : letters.last
        return letter.flatMap { distance($0) < mark.size ? $0 : nil }
    }

    private static func isMark(_ scalar: UInt32) -> Bool {
        guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return true
        default: return false
        }
    }
}
