import CPopplerTuning
import ExtractionWire

/// What of a page does not run from left to right: text on its side or upside down, which is read like a page of its own, and slanted labels.
struct TurnedText {
    /// Text that runs at one right angle.
    struct Side {
        let frame: PageFrame
        let lines: CharacterLines
        let page: CharacterBox
    }

    private typealias Character = poppler_tuning_character

    private(set) var sides: [Side] = []
    private(set) var labels: [SlantedLabel] = []

    /// Of the letters' size: how far apart two words of a line are, and what stands on one base line.
    private static let wordGap: Float = 0.15
    private static let lineGap: Float = 1.2
    private static let sameLine: Float = 0.3
    /// Another angle by more than this (15 degrees) begins another label; the sine.
    private static let bend: Float = 0.26
    /// What counts as a right angle (10 degrees).
    private static let square: Float = 0.174

    /// - Parameter characters: as the page draws them.
    init(_ characters: UnsafeBufferPointer<poppler_tuning_character>, page: CharacterBox) {
        var square: [[Character]] = [[], [], []]
        var slanted: [Character] = []
        for character in characters where character.isVisible || character.isBlank {
            switch (character.across, character.down) {
            case (-Self.square...Self.square, ...0): square[0].append(character)
            case (..<0, -Self.square...Self.square): square[1].append(character)
            case (-Self.square...Self.square, 0...): square[2].append(character)
            default: if character.isVisible { slanted.append(character) }
            }
        }
        for (place, direction) in [(Float(0), Float(-1)), (-1, 0), (0, 1)].enumerated()
        where square[place].contains(where: \.isVisible) {
            let frame = PageFrame(across: direction.0, down: direction.1, page: page)
            sides.append(Side(frame: frame, lines: CharacterLines(square[place], frame), page: frame.turned(page)))
        }
        labels = Self.labels(slanted)
    }

    /// What poppler has read since it was last looked at, and what was found beside that.
    static func take(and others: [poppler_tuning_character], page: CharacterBox) -> TurnedText {
        let taken = DrawnCharacters.turned()
        guard !others.isEmpty else { return TurnedText(taken, page: page) }
        return (taken + others).withUnsafeBufferPointer { TurnedText($0, page: page) }
    }

    /// Characters that follow each other, as they are drawn.
    private static func labels(_ characters: [Character]) -> [SlantedLabel] {
        var labels: [SlantedLabel] = []
        for (place, character) in characters.enumerated() {
            let gap = place == 0 ? nil : gap(characters[place - 1], character)
            if let gap, !labels.isEmpty {
                if gap > wordGap * character.size { labels[labels.count - 1].text.append(0x20) }
            } else {
                labels.append(SlantedLabel(character))
            }
            labels[labels.count - 1].add(character)
        }
        return labels
    }

    /// How far a character stands behind another; nil where it begins something else.
    private static func gap(_ last: Character, _ next: Character) -> Float? {
        let (x, y) = (next.x - last.x - last.advance * last.across, next.y - last.y - last.advance * last.down)
        let (along, beside) = (x * last.across + y * last.down, y * last.across - x * last.down)
        let turn = last.across * next.down - last.down * next.across
        let isSameDirection = last.across * next.across + last.down * next.down > 0
        return isSameDirection && abs(turn) < bend && abs(beside) < sameLine * next.size
            && (-sameLine * next.size..<lineGap * next.size).contains(along) ? along : nil
    }
}

/// Words that run at an angle, as labels of an axis and watermarks do.
struct SlantedLabel {
    fileprivate(set) var text: [UInt8] = []
    /// On the page.
    private(set) var box: CharacterBox
    private(set) var size: Float = 0

    fileprivate init(_ character: poppler_tuning_character) {
        box = CharacterBox(left: character.x, top: character.y, right: character.x, bottom: character.y)
    }

    func append(to builder: inout TextBuilder, page: Int) {
        builder.begin(.paragraph)
        builder.appendLine(text[...], page, box)
        builder.end()
    }

    fileprivate mutating func add(_ character: poppler_tuning_character) {
        text.append(contentsOf: UTF8.encode(Unicode.Scalar(character.scalar)!)!)
        size = max(size, character.size)
        let (height, advance) = (0.8 * character.size, character.advance)
        for along in [0, advance] {
            for above in [0, height] {
                let x = character.x + along * character.across + above * character.down
                let y = character.y + along * character.down - above * character.across
                box.include(CharacterBox(left: x, top: y, right: x, bottom: y))
            }
        }
    }
}
