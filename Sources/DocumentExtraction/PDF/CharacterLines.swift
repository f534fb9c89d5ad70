import CPopplerTuning

extension poppler_tuning_character {
    /// Neither a blank nor a control, and a scalar at all.
    var isVisible: Bool { scalar > 0x20 && scalar != 0xA0 && scalar != 0x7F && Unicode.Scalar(scalar) != nil }
    var isBlank: Bool { scalar == 0x20 }
}

/// Characters as lines from the top, each in the order of reading. Blanks are kept: a glyph may have some among its letters.
struct CharacterLines {
    /// Valid UTF-8 with lines ended by LF. What is apart shows in the boxes as well, of which there is one for each scalar.
    private(set) var text: [UInt8] = []
    private(set) var boxes: [CharacterBox] = []
    private(set) var styles: [TextStyle] = []

    private typealias Placed = (x: Float, y: Float, character: poppler_tuning_character)

    /// Of the letters' size: what stands on one base line.
    private static let sameLine: Float = 0.3
    /// How far letters reach above and below their base line.
    private static let ascent: Float = 0.95
    private static let descent: Float = 0.25

    /// - Parameter characters: visible ones and blanks.
    init(_ characters: [poppler_tuning_character], _ frame: PageFrame) {
        let placed = characters.map { character -> Placed in
            let place = frame.turned(character.x, character.y)
            return (place.x, place.y, character)
        }.sorted { $0.y < $1.y }
        var lines: [[Placed]] = []
        var start = 0
        while start < placed.count {
            var end = start + 1
            while end < placed.count,
                placed[end].y - placed[end - 1].y < Self.sameLine / 4 * placed[end].character.size,
                placed[end].y - placed[start].y < Self.sameLine * placed[start].character.size
            { end += 1 }
            lines.append(Self.drawnOnce(placed[start..<end].sorted { $0.x < $1.x }))
            start = end
        }
        var sizes: [Float] = []
        let gutters = Gutters(lines.map(Self.gaps)).found
        for (line, gaps) in zip(lines, gutters) {
            let edges = gaps.map(\.right).sorted()
            var rest = line[...]
            for edge in edges {
                let column = rest.prefix { $0.x < edge }
                rest = rest.dropFirst(column.count)
                if !column.isEmpty { add(column, &sizes) }
            }
            if !rest.isEmpty { add(rest, &sizes) }
        }
        if characters.contains(where: { RightToLeft.contains($0.scalar) }) {
            let lines = text.withUnsafeBufferPointer { VisualLines($0) }
            text = lines.text
            boxes = lines.entries.map { boxes[$0] }
            sizes = lines.entries.map { sizes[$0] }
        }
        styles = Self.styles(sizes)
    }

    private mutating func add(_ line: ArraySlice<Placed>, _ sizes: inout [Float]) {
        for place in line {
            let size = place.character.size
            text.append(contentsOf: UTF8.encode(Unicode.Scalar(place.character.scalar)!)!)
            boxes.append(
                CharacterBox(
                    left: place.x,
                    top: place.y - Self.ascent * size,
                    right: place.x + max(place.character.advance, 0),
                    bottom: place.y + Self.descent * size
                )
            )
            sizes.append(size)
        }
        text.append(0x0A)
        boxes.append(boxes[boxes.count - 1])
        sizes.append(sizes[sizes.count - 1])
    }

    private static func drawnOnce(_ line: [Placed]) -> [Placed] {
        var drawn: [Placed] = []
        for place in line where !drawn.suffix(2).contains(where: { isAgain(place, $0) }) { drawn.append(place) }
        return drawn
    }

    private static func gaps(_ line: [Placed]) -> Gutters.Line {
        var end = line[0].x
        var gaps: [Gutters.Gap] = []
        for place in line where place.character.isVisible {
            if place.x - end > Gutters.narrowestGap * place.character.size {
                gaps.append(Gutters.Gap(left: end, right: place.x))
            }
            end = max(end, place.x + max(place.character.advance, 0))
        }
        return Gutters.Line(ends: line[0].x...end, size: line[0].character.size, gaps: gaps)
    }

    /// Bold letters may be letters that are drawn twice.
    private static func isAgain(_ place: Placed, _ before: Placed) -> Bool {
        place.character.scalar == before.character.scalar && place.x - before.x < 0.1 * place.character.size
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
}
