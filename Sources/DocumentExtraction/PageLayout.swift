import ExtractionWire

/// Where one character stands on its page, in points from the page's top left corner.
package struct CharacterBox {
    var left: Float
    var top: Float
    var right: Float
    var bottom: Float

    package init(left: Float, top: Float, right: Float, bottom: Float) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    var height: Float { bottom - top }

    static let none = CharacterBox(left: 0, top: 0, right: 0, bottom: 0)

    /// The empty space between two boxes along the axis on which they are farther apart; negative where they overlap.
    func gap(to other: CharacterBox) -> Float {
        max(max(other.left - right, left - other.right), max(other.top - bottom, top - other.bottom))
    }

    mutating func include(_ other: CharacterBox) {
        left = min(left, other.left)
        top = min(top, other.top)
        right = max(right, other.right)
        bottom = max(bottom, other.bottom)
    }
}

/// A page's lines in reading order. Poppler runs cells that stand side by side together and leaves paragraphs and broken words to
/// its caller; the boxes of the characters tell them apart.
package struct PageLayout {
    struct Line {
        var start: Int
        var end: Int
        var box: CharacterBox
    }

    private(set) var text: [UInt8] = []
    private(set) var lines: [Line] = []

    /// Poppler parts two words of a line where they are this share of the font size apart (TextOutputDev, minWordBreakSpace).
    private static let wordGap: Float = 0.1
    /// Lines of a paragraph stand closer than this share of their height.
    private static let paragraphGap: Float = 0.6
    /// Lines of a paragraph differ in height by less than this factor.
    private static let sizeStep: Float = 1.25

    /// `text` is valid UTF-8 with lines ended by LF; `boxes` has one entry for each of its scalars.
    package init(text source: UnsafeBufferPointer<UInt8>, boxes: UnsafeBufferPointer<CharacterBox>) {
        text.reserveCapacity(source.count + 64)
        var line: Line?
        var previous: CharacterBox?
        var index = 0
        var character = 0
        while index < source.count {
            let byte = source[index]
            let width = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            defer {
                index += width
                character += 1
            }
            if byte == 0x0A {
                if let line { lines.append(line) }
                line = nil
                previous = nil
                continue
            }
            guard byte != 0x20, byte != 0x09 else {
                text.append(0x20)
                previous = nil
                continue
            }
            // Text is never lost for want of a box.
            let box = character < boxes.count ? boxes[character] : (previous ?? CharacterBox.none)
            if let previous, previous.gap(to: box) > Self.wordGap * max(previous.height, box.height) {
                text.append(0x20)
            }
            if line == nil { line = Line(start: text.count, end: text.count, box: box) }
            for offset in index..<min(index + width, source.count) { text.append(source[offset]) }
            line!.end = text.count
            line!.box.include(box)
            previous = box
        }
        if let line { lines.append(line) }
    }

    package func append(to builder: inout TextBuilder) {
        text.withUnsafeBufferPointer { text in
            var begins = true
            for (number, line) in lines.enumerated() where !builder.isOverLimit {
                var end = line.end
                if begins { builder.begin(.paragraph) }
                let hasNext = number + 1 < lines.count
                begins = hasNext && startsParagraph(number + 1)
                let joins = hasNext && !begins && isBroken(line, lines[number + 1])
                if joins { end -= hyphenWidth(line) }
                builder.appendVerbatim(UnsafeBufferPointer(rebasing: text[line.start..<end]))
                if !joins { builder.breakLine() }
            }
        }
    }

    private func startsParagraph(_ number: Int) -> Bool {
        let (above, line) = (lines[number - 1].box, lines[number].box)
        let (small, large) = (min(above.height, line.height), max(above.height, line.height))
        if large > small * Self.sizeStep { return true }
        if line.top > above.top { return line.top - above.bottom > Self.paragraphGap * small }
        // The next column: the paragraph goes on unless a sentence ends here.
        return above.gap(to: line) > small && ".!?:".utf8.contains(text[lines[number - 1].end - 1])
    }

    /// Whether a word is broken between two lines: a letter and a hyphen at the end of one, a small letter at the start of the other.
    private func isBroken(_ line: Line, _ next: Line) -> Bool {
        let width = hyphenWidth(line)
        guard width > 0, line.end - width > line.start else { return false }
        let before = text[line.end - width - 1]
        guard before >= 0x80 || (before | 0x20 >= 0x61 && before | 0x20 <= 0x7A) else { return false }
        let first = text[next.start]
        if first < 0x80 { return first >= 0x61 && first <= 0x7A }
        return String(decoding: text[next.start..<min(next.start + 4, next.end)], as: UTF8.self).unicodeScalars.first?
            .properties.isLowercase ?? false
    }

    /// The bytes of the hyphen at the end of a line (U+002D, U+00AD, U+2010), 0 where there is none.
    private func hyphenWidth(_ line: Line) -> Int {
        let bytes = text[line.start..<line.end]
        if bytes.last == 0x2D { return 1 }
        if bytes.suffix(2).elementsEqual([0xC2, 0xAD]) { return 2 }
        return bytes.suffix(3).elementsEqual([0xE2, 0x80, 0x90]) ? 3 : 0
    }
}
