import CPopplerTuning
import ExtractionWire

/// What of a page does not run from left to right: text on its side or upside down, which is read like a page of its own, and slanted labels.
struct TurnedText {
    /// Text that runs at one right angle.
    struct Side {
        let frame: PageFrame
        let text: [UInt8]
        let boxes: [CharacterBox]
        let styles: [TextStyle]
        let page: CharacterBox
    }

    private typealias Character = poppler_turned_character

    private(set) var sides: [Side] = []
    private(set) var labels: [SlantedLabel] = []

    /// Of the letters' size: how far apart two words of a line are, and what stands on one base line.
    private static let wordGap: Float = 0.15
    private static let lineGap: Float = 1.2
    private static let sameLine: Float = 0.3
    /// How far letters reach above and below their base line.
    private static let ascent: Float = 0.95
    private static let descent: Float = 0.25
    /// Another angle by more than this (15 degrees) begins another label; the sine.
    private static let bend: Float = 0.26
    /// What counts as a right angle (10 degrees).
    private static let square: Float = 0.174

    /// - Parameter characters: as the page draws them.
    init(_ characters: UnsafeBufferPointer<poppler_turned_character>, page: CharacterBox) {
        var square: [[Character]] = [[], [], []]
        var slanted: [Character] = []
        for character in characters where Self.isVisible(character.scalar) {
            switch (character.across, character.down) {
            case (-Self.square...Self.square, ...0): square[0].append(character)
            case (..<0, -Self.square...Self.square): square[1].append(character)
            case (-Self.square...Self.square, 0...): square[2].append(character)
            default: slanted.append(character)
            }
        }
        for (place, direction) in [(Float(0), Float(-1)), (-1, 0), (0, 1)].enumerated() where !square[place].isEmpty {
            let frame = PageFrame(across: direction.0, down: direction.1, page: page)
            sides.append(Self.side(square[place], frame, frame.turned(page)))
        }
        labels = Self.labels(slanted)
    }

    /// What poppler has read since it was last looked at, and what was found beside that.
    static func take(and others: [poppler_turned_character], page: CharacterBox) -> TurnedText {
        var characters: UnsafePointer<poppler_turned_character>?
        let count = poppler_tuning_take_turned(&characters)
        let taken = UnsafeBufferPointer(start: characters, count: count)
        guard !others.isEmpty else { return TurnedText(taken, page: page) }
        return (taken + others).withUnsafeBufferPointer { TurnedText($0, page: page) }
    }

    private static func isVisible(_ scalar: UInt32) -> Bool {
        scalar > 0x20 && scalar != 0xA0 && scalar != 0x7F && Unicode.Scalar(scalar) != nil
    }

    /// Lines from the top, each from left to right.
    private static func side(_ characters: [Character], _ frame: PageFrame, _ page: CharacterBox) -> Side {
        typealias Placed = (x: Float, y: Float, character: Character)
        let placed = characters.map { character -> Placed in
            let place = frame.turned(character.x, character.y)
            return (place.x, place.y, character)
        }.sorted { $0.y < $1.y }
        var (text, boxes, sizes) = ([UInt8](), [CharacterBox](), [Float]())
        var start = 0
        while start < placed.count {
            var end = start + 1
            while end < placed.count,
                placed[end].y - placed[end - 1].y < sameLine / 4 * placed[end].character.size,
                placed[end].y - placed[start].y < sameLine * placed[start].character.size
            { end += 1 }
            var drawn: [Placed] = []
            for place in placed[start..<end].sorted(by: { $0.x < $1.x })
            where !drawn.suffix(2).contains(where: { isAgain(place, $0) }) {
                drawn.append(place)
                text.append(contentsOf: UTF8.encode(Unicode.Scalar(place.character.scalar)!)!)
                let size = place.character.size
                boxes.append(
                    CharacterBox(
                        left: place.x,
                        top: place.y - ascent * size,
                        right: place.x + max(place.character.advance, 0),
                        bottom: place.y + descent * size
                    )
                )
                sizes.append(size)
            }
            text.append(0x0A)
            boxes.append(boxes[boxes.count - 1])
            sizes.append(sizes[sizes.count - 1])
            start = end
        }
        guard characters.contains(where: { RightToLeft.contains($0.scalar) }) else {
            return Side(frame: frame, text: text, boxes: boxes, styles: styles(sizes), page: page)
        }
        let lines = text.withUnsafeBufferPointer { VisualLines($0) }
        return Side(
            frame: frame,
            text: lines.text,
            boxes: lines.entries.map { boxes[$0] },
            styles: styles(lines.entries.map { sizes[$0] }),
            page: page
        )
    }

    private static func styles(_ sizes: [Float]) -> [TextStyle] {
        var styles: [TextStyle] = []
        for (place, size) in sizes.enumerated() {
            if let last = styles.last, last.size == size {
                styles[styles.count - 1].end = place
            } else {
                styles.append(TextStyle(start: place, end: place, size: size))
            }
        }
        return styles
    }

    /// Bold letters may be letters that are drawn twice.
    private static func isAgain(
        _ place: (x: Float, y: Float, character: Character),
        _ before: (x: Float, y: Float, character: Character)
    ) -> Bool {
        place.character.scalar == before.character.scalar && place.x - before.x < 0.1 * place.character.size
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

    fileprivate init(_ character: poppler_turned_character) {
        box = CharacterBox(left: character.x, top: character.y, right: character.x, bottom: character.y)
    }

    func append(to builder: inout TextBuilder, page: Int) {
        builder.begin(.paragraph)
        builder.appendLine(text[...], page, box)
        builder.end()
    }

    fileprivate mutating func add(_ character: poppler_turned_character) {
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
