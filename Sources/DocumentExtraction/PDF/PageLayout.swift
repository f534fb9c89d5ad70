import ExtractionWire

/// A page's lines in reading order.
package struct PageLayout {
    private(set) var text: [UInt8]
    private(set) var lines: [PageLine]
    let page: CharacterBox
    let hidden: Int
    /// Bytes of numbers that count lines, and of what no line holds.
    private(set) var lineNumbers = 0
    private(set) var lost = 0
    /// How the page is turned for its lines.
    private(set) var frame = PageFrame.upright
    /// Text on its side, each direction with lines and places of its own.
    private(set) var sides: [PageLayout] = []
    private(set) var labels: [SlantedLabel] = []
    /// What readers have written to the page.
    var notes: [String] = []

    /// `text` is valid UTF-8 with lines ended by LF; `boxes` has one entry for each of its scalars.
    /// - Parameter usualColumn: where the document's second column begins, as far as it is known.
    package init(
        text source: UnsafeBufferPointer<UInt8>,
        boxes: UnsafeBufferPointer<CharacterBox>,
        styles: [TextStyle] = [],
        page: CharacterBox = CharacterBox(left: 0, top: 0, right: 0, bottom: 0),
        usualColumn: inout Float?
    ) {
        let found = PageFragments(text: source, boxes: boxes, styles: styles, page: page)
        self.page = page
        text = found.text
        hidden = found.hidden
        // Without boxes, and for text that runs upward, poppler's order is all there is.
        guard found.uprightShare > 0.6, boxes.count > 0 else {
            lines = Self.popplerLines(found.fragments)
            return
        }
        let fragments = LineNumbers.removed(from: found.fragments, text)
        lineNumbers = Self.length(found.fragments) - Self.length(fragments)
        var order = ReadingOrder()
        order.usualColumn = usualColumn
        if let column = order.column(fragments) { usualColumn = column }
        lines = order.lines(fragments)
        lost = Self.length(fragments) - lines.reduce(0) { $0 + Self.length($1.fragments) }
    }

    private static func length(_ fragments: [Fragment]) -> Int { fragments.reduce(0) { $0 + $1.end - $1.start } }

    /// Adds what does not run from left to right. Where nothing else is on the page, it is the page.
    func with(_ turned: TurnedText) -> PageLayout {
        var sides = turned.sides.map { side in
            side.lines.text.withUnsafeBufferPointer { text in
                side.lines.boxes.withUnsafeBufferPointer { boxes in
                    var column: Float?
                    var layout = PageLayout(
                        text: text,
                        boxes: boxes,
                        styles: side.lines.styles,
                        page: side.page,
                        usualColumn: &column
                    )
                    layout.frame = side.frame
                    return layout
                }
            }
        }
        var layout = lines.isEmpty && !sides.isEmpty ? sides.removeFirst() : self
        (layout.sides, layout.labels) = (sides, turned.labels)
        return layout
    }

    var isEmpty: Bool { text.isEmpty && labels.isEmpty }
    /// Of its text in every direction.
    var byteCount: Int {
        sides.reduce(text.count + labels.reduce(0) { $0 + $1.text.count }) { $0 + $1.byteCount }
    }

    private static func popplerLines(_ fragments: [Fragment]) -> [PageLine] {
        var lines: [[Fragment]] = []
        for fragment in fragments {
            if lines.last?.last?.line == fragment.line {
                lines[lines.count - 1].append(fragment)
            } else {
                lines.append([fragment])
            }
        }
        return lines.map { PageLine($0) }
    }

    /// Takes the lines out for which `isRunning` returns true.
    mutating func remove(_ isRunning: (Int) -> Bool) {
        lines = lines.indices.filter { !isRunning($0) }.map { lines[$0] }
    }

    /// Gives the page's last fragment other bytes.
    mutating func replaceLast(with bytes: [UInt8]) {
        let (line, place) = (lines.count - 1, lines[lines.count - 1].fragments.count - 1)
        (lines[line].fragments[place].start, lines[line].fragments[place].end) = (text.count, text.count + bytes.count)
        text += bytes
    }

    /// Takes the first bytes of the page's first fragment away, and what is empty then.
    mutating func removeFirst(_ count: Int) {
        lines[0].fragments[0].start += count
        let first = lines[0].fragments[0]
        if first.start < first.end, text[first.start] == 0x20 { lines[0].fragments[0].start += 1 }
        guard lines[0].fragments[0].start >= first.end else { return }
        lines[0].fragments.removeFirst()
        if lines[0].fragments.isEmpty { lines.removeFirst() }
    }

    func string(_ line: PageLine) -> String {
        line.fragments.map { String(decoding: text[$0.start..<$0.end], as: UTF8.self) }.joined(separator: " ")
    }

    /// Characters of a line without white space.
    func length(_ line: PageLine) -> Int { line.fragments.reduce(0) { $0 + $1.end - $1.start } }
}

extension PageLayout {
    /// A page without text.
    static var empty: PageLayout {
        var column: Float?
        return PageLayout(
            text: UnsafeBufferPointer(start: nil, count: 0),
            boxes: UnsafeBufferPointer(start: nil, count: 0),
            usualColumn: &column
        )
    }
}
