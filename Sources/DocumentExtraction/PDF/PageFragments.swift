/// A run of words with nothing but word spaces between them.
struct Fragment {
    /// Bytes of the page's text.
    var start: Int
    var end: Int
    var box: CharacterBox
    /// How wide the first word is.
    var firstWord: Float = .infinity
    var size: Float
    var isBold: Bool
    /// Every letter is as wide as the others.
    var isFixed = false
    var direction: Direction
    /// Begins with a digit.
    var isNumber: Bool
    /// Poppler's line that it was part of.
    var line: Int

    enum Direction { case leftToRight, rightToLeft, none }

    /// As a mirror shows it: what is read from right to left is read from left to right then.
    var mirrored: Fragment {
        var fragment = self
        (fragment.box.left, fragment.box.right) = (-box.right, -box.left)
        switch direction {
        case .leftToRight: fragment.direction = .rightToLeft
        case .rightToLeft: fragment.direction = .leftToRight
        case .none: break
        }
        return fragment
    }
}

extension Collection<Fragment> {
    /// Whether most of it, by its width, is written from right to left. Numbers say nothing of the direction.
    var isRightToLeft: Bool {
        let width = reduce(Float(0)) { width, fragment in
            switch fragment.direction {
            case .leftToRight: width - fragment.box.width
            case .rightToLeft: width + fragment.box.width
            case .none: width
            }
        }
        return width > 0
    }
}

/// A page's text, cut between cells, columns and lines. Poppler joins what is side by side; the boxes of the characters tell it
/// apart.
struct PageFragments {
    private(set) var text: [UInt8] = []
    private(set) var fragments: [Fragment] = []
    /// Characters that are tiny, white or off the page.
    private(set) var hidden = 0
    /// Lines that do not run from left to right or right to left: then geometry says nothing about reading.
    private(set) var uprightShare: Float = 1

    /// Poppler parts two words of a line where they are this share of the font size apart (TextOutputDev, minWordBreakSpace).
    private static let wordGap: Float = 0.1
    /// Words farther apart than this share of their height belong to different cells or columns.
    private static let cellGap: Float = 0.8
    private static let tinySize: Float = 2

    private var open: Fragment?
    /// Letters of the open fragment.
    private var letters = (toRight: 0, toLeft: 0)
    /// Numbers within fragments, and whether the last word is one.
    private var numbers: [NumberColumns.Word] = []
    private var isInNumber = false
    private var styleIndex = 0
    private var widthSum: Float = 0
    private var heightSum: Float = 0

    /// `text` is valid UTF-8 with lines ended by LF; `boxes` has one entry for each of its scalars.
    init(
        text source: UnsafeBufferPointer<UInt8>,
        boxes: UnsafeBufferPointer<CharacterBox>,
        styles: [TextStyle],
        page: CharacterBox
    ) {
        text.reserveCapacity(source.count + 64)
        var previous: CharacterBox?
        var (index, character, line) = (0, 0, 0)
        while index < source.count {
            let byte = source[index]
            let width = Self.width(byte)
            defer {
                index += width
                character += 1
            }
            if byte == 0x0A {
                close()
                (previous, line) = (nil, line + 1)
                continue
            }
            // Poppler itself puts marks around what runs from right to left.
            if byte == 0xE2, DirectionMarks.mark(source, index) != nil { continue }
            guard byte > 0x20 else {
                separateWords()
                continue
            }
            // Text without a box is kept.
            let box = character < boxes.count ? boxes[character] : (previous ?? CharacterBox.none)
            let style = style(at: character, styles)
            if let last = previous {
                let height = max(last.height, box.height)
                var gap = last.gap(to: box)
                if gap > Self.cellGap * height, let open, character < boxes.count {
                    // Where the direction changes, the next character is not the nearest one.
                    gap = open.box.gap(to: Self.run(from: character, source, index, boxes))
                }
                if gap > Self.cellGap * height {
                    close()
                } else if gap > Self.wordGap * height {
                    separateWords()
                }
                let step = (abs(box.left - last.left), abs(box.top - last.top))
                (widthSum, heightSum) = (widthSum + step.0, heightSum + step.1)
            }
            if open == nil {
                open = Fragment(
                    start: text.count,
                    end: text.count,
                    box: box,
                    size: style?.size ?? box.height,
                    isBold: style?.isBold ?? false,
                    isFixed: style?.isFixed ?? false,
                    direction: .none,
                    isNumber: (0x30...0x39).contains(byte),
                    line: line
                )
            }
            if isInNumber {
                numbers[numbers.count - 1].right = box.right
            } else if (0x30...0x39).contains(byte), text.last == 0x20, open!.start < text.count, let last = previous {
                isInNumber = true
                numbers.append(
                    NumberColumns.Word(
                        fragment: fragments.count,
                        start: text.count,
                        before: last.right,
                        left: box.left,
                        right: box.right
                    )
                )
            }
            for offset in index..<min(index + width, source.count) { text.append(source[offset]) }
            if RightToLeft.begins(in: source, at: index) {
                letters.toLeft += 1
            } else if byte >= 0x80 || (0x61...0x7A).contains(byte | 0x20) {
                letters.toRight += 1
            }
            open!.end = text.count
            open!.box.include(box)
            if let style {
                if style.size > open!.size { open!.size = style.size }
                if !style.isBold { open!.isBold = false }
                if !style.isFixed { open!.isFixed = false }
            }
            if isHidden(box, style, page) { hidden += 1 }
            previous = box
        }
        close()
        if !numbers.isEmpty { fragments = NumberColumns(fragments, text).split(fragments, at: numbers) }
        if widthSum + heightSum > 0 { uprightShare = widthSum / (widthSum + heightSum) }
    }

    /// The box of the characters from there on, up to the next change of direction, wide gap or end of the line.
    private static func run(
        from start: Int,
        _ source: UnsafeBufferPointer<UInt8>,
        _ first: Int,
        _ boxes: UnsafeBufferPointer<CharacterBox>
    ) -> CharacterBox {
        var (box, last) = (boxes[start], boxes[start])
        let isRightToLeft = RightToLeft.begins(in: source, at: first)
        var (index, character) = (first, start)
        while index < source.count, character < boxes.count, source[index] != 0x0A {
            let next = boxes[character]
            if last.gap(to: next) > cellGap * max(last.height, next.height) { break }
            if source[index] > 0x20 {
                if RightToLeft.begins(in: source, at: index) != isRightToLeft { break }
                box.include(next)
                last = next
            }
            index += width(source[index])
            character += 1
        }
        return box
    }

    /// Of the character that begins with `byte`.
    private static func width(_ byte: UInt8) -> Int { byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4 }

    private mutating func separateWords() {
        guard let fragment = open, text.last != 0x20 else { return }
        text.append(0x20)
        isInNumber = false
        open!.firstWord = min(fragment.firstWord, fragment.box.width)
    }

    private mutating func close() {
        if var fragment = open {
            fragment.firstWord = min(fragment.firstWord, fragment.box.width)
            if letters.toLeft + letters.toRight > 0 {
                fragment.direction = letters.toLeft > letters.toRight ? .rightToLeft : .leftToRight
            }
            fragments.append(fragment)
        }
        (open, letters, isInNumber) = (nil, (0, 0), false)
    }

    private mutating func style(at character: Int, _ styles: [TextStyle]) -> TextStyle? {
        while styleIndex < styles.count, styles[styleIndex].end < character { styleIndex += 1 }
        guard styleIndex < styles.count, styles[styleIndex].start <= character else { return nil }
        return styles[styleIndex]
    }

    private func isHidden(_ box: CharacterBox, _ style: TextStyle?, _ page: CharacterBox) -> Bool {
        if let style, style.isWhite || style.size < Self.tinySize { return true }
        return page.width > 0
            && (box.right < page.left || box.left > page.right || box.bottom < page.top || box.top > page.bottom)
    }
}
