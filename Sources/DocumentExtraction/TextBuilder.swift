import ExtractionWire

/// Collects the canonical text and its blocks. Everything that is appended must be valid UTF-8.
package struct TextBuilder {
    private enum State {
        case between
        /// A block was begun and has no text yet.
        case begun(Block.Kind, level: UInt8)
        case inside(Block.Kind, level: UInt8, start: Int, gap: Gap)
    }

    /// What precedes the next text of a block.
    private enum Gap {
        case none
        case space
        /// So many cells were begun.
        case cell(Int)
    }

    private(set) var text: [UInt8] = []
    private(set) var blocks: [Block] = []
    private(set) var pages: [PageSpan] = []
    private(set) var lines: [LineBox] = []
    private(set) var cleaning = TextCleaning()
    /// What was left out, in characters.
    private(set) var omitted: [Omission.Reason: Int] = [:]
    private var state = State.between
    /// Empty cells at the begin of a row.
    private var emptyCells = 0
    private var pageStart: (number: Int, offset: Int)?
    let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// More text than the limit allows: the reader should stop.
    var isOverLimit: Bool { text.count > limit }

    /// Counts text that is left out.
    mutating func omit(_ reason: Omission.Reason, _ characters: Int) {
        if characters > 0 { omitted[reason, default: 0] += characters }
    }

    /// Ends the open block, if any; the next text belongs to a block of this kind.
    mutating func begin(_ kind: Block.Kind, level: UInt8 = 0) {
        end()
        emptyCells = 0
        state = .begun(kind, level: level)
    }

    /// A block of this kind was begun and has no text yet.
    func isBegun(_ kind: Block.Kind) -> Bool { if case .begun(kind, _) = state { true } else { false } }

    /// A block of this kind has text, or may get some.
    func isInside(_ kind: Block.Kind) -> Bool {
        switch state {
        case .begun(let open, _), .inside(let open, _, _, _): open == kind
        case .between: false
        }
    }

    /// The next text follows a digit at once.
    var endsInDigit: Bool {
        guard case .inside(_, _, _, .none) = state, let last = text.last else { return false }
        return (0x30...0x39).contains(last)
    }

    mutating func end() {
        if case .inside(let kind, let level, let start, _) = state {
            compose(from: start)
            while text.count > start, text[text.count - 1] == 0x0A { text.removeLast() }
            if text.count > start { blocks.append(Block(kind: kind, level: level, start: start, end: text.count)) }
        }
        state = .between
    }

    /// A mark may have come apart from its letter. Lines of pages come whole, and their places stay.
    private mutating func compose(from start: Int) {
        guard cleaning.hasMarks, lines.last?.end ?? 0 <= start else { return }
        let tail = text[start...].withUnsafeBufferPointer { bytes in
            bytes.indices.contains { UnicodeForms.isMark(bytes, $0) } ? UnicodeForms.composed(Array(bytes)) : nil
        }
        if let tail { text.replaceSubrange(start..., with: tail) }
    }

    /// Appends running text: every run of white space becomes one space, and none is at the ends of a block.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count, !isOverLimit {
            let width = Self.blankWidth(bytes, index)
            if width > 0 {
                if case .inside(let kind, let level, let start, .none) = state {
                    state = .inside(kind, level: level, start: start, gap: .space)
                }
                index += width
                continue
            }
            var stop = index + 1
            // A lone space between words is as it has to be.
            while stop < bytes.count,
                Self.blankWidth(bytes, stop) == 0
                    || bytes[stop] == 0x20 && stop + 1 < bytes.count && Self.blankWidth(bytes, stop + 1) == 0
            { stop += 1 }
            addWords(UnsafeBufferPointer(rebasing: bytes[index..<stop]))
            index = stop
        }
    }

    /// Words, apart by single spaces.
    private mutating func addWords(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard TextCleaning.firstSpecial(bytes) != nil else {
            open()
            text.append(contentsOf: bytes)
            return
        }
        // One by one: of a word that is cleaned away, the space before it goes as well.
        for (place, word) in bytes.split(separator: 0x20).enumerated() {
            if place > 0 { softBreak() }
            add(UnsafeBufferPointer(rebasing: word))
        }
    }

    /// Text without white space to fold.
    private mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let special = TextCleaning.firstSpecial(bytes) else {
            open()
            text.append(contentsOf: bytes)
            return
        }
        let cleaned = cleaning.clean(bytes, from: special)
        guard !cleaned.isEmpty else { return }
        open()
        text.append(contentsOf: cleaned)
    }

    mutating func append(_ string: String) {
        var string = string
        string.withUTF8 { append($0) }
    }

    /// Appends text as it is, lines and indentation included; control characters are left out.
    mutating func appendVerbatim(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count, !isOverLimit {
            var stop = index
            while stop < bytes.count, bytes[stop] >= 0x20 || bytes[stop] == 0x0A || bytes[stop] == 0x09,
                bytes[stop] != 0x7F
            { stop += 1 }
            if stop > index { add(UnsafeBufferPointer(rebasing: bytes[index..<stop])) }
            index = stop + 1
        }
    }

    /// Appends blanks as they are.
    mutating func appendBlanks(_ count: Int) {
        guard count > 0 else { return }
        open()
        text.append(contentsOf: repeatElement(0x20, count: count))
    }

    /// Appends a line of a page and records where it is.
    mutating func appendLine(_ bytes: ArraySlice<UInt8>, _ page: Int, _ box: CharacterBox) {
        let isEmpty = text.isEmpty
        let before = text.count
        bytes.withUnsafeBufferPointer { append($0) }
        guard text.count > before else { return }
        // What came before the line's own bytes: a separator of blocks, a blank, a cell's bar.
        var start = before
        while !isEmpty || start > before, start < text.count,
            text[start] == 0x20 || text[start] == 0x0A || text[start] == 0x7C && start - before <= 2
        { start += 1 }
        lines.append(
            LineBox(
                page: page,
                start: start,
                end: text.count,
                left: box.left,
                top: box.top,
                right: box.right,
                bottom: box.bottom
            )
        )
    }

    /// Ends a line inside the open block; left out at the block's end.
    mutating func breakLine() {
        if case .inside = state { text.append(0x0A) }
    }

    /// A separator inside the open block (between cells of a row), left out at the block's ends.
    mutating func separate() {
        if case .inside(let kind, let level, let start, _) = state {
            state = .inside(kind, level: level, start: start, gap: kind == .tableRow ? .cell(1) : .space)
        }
    }

    /// A separator before the next cell of a row. Empty cells before one with text are seen as such.
    mutating func keepPlace() {
        switch state {
        case .inside(let kind, let level, let start, .cell(let count)):
            state = .inside(kind, level: level, start: start, gap: .cell(count + 1))
        case .inside: separate()
        case .begun(.tableRow, _): emptyCells += 1
        default: break
        }
    }

    /// A break that a reader sees and that ends no block.
    mutating func softBreak() {
        if case .inside(let kind, let level, let start, .none) = state {
            state = .inside(kind, level: level, start: start, gap: .space)
        }
    }

    /// Keeps the blocks that are marked true. For texts without pages.
    mutating func keep(_ isKept: [Bool]) {
        guard isKept.contains(false) else { return }
        var kept = TextBuilder(limit: limit)
        (kept.cleaning, kept.omitted) = (cleaning, omitted)
        text.withUnsafeBufferPointer { text in
            for (block, isKept) in zip(blocks, isKept) {
                guard isKept else {
                    kept.omit(.boilerplate, text[block.start..<block.end].inkedCharacters)
                    continue
                }
                kept.begin(block.kind, level: block.level)
                kept.open()
                kept.text.append(contentsOf: UnsafeBufferPointer(rebasing: text[block.start..<block.end]))
                kept.end()
            }
        }
        self = kept
    }

    /// Appends another document's blocks.
    mutating func append(_ document: ExtractedDocument) {
        append(document, blocks: document.blocks.indices)
        for omission in document.notes.omissions { omit(omission.reason, omission.characters) }
    }

    mutating func append(_ document: ExtractedDocument, blocks: Range<Int>) {
        append(document.text, document.blocks[blocks])
    }

    /// Appends blocks of another builder that are ended.
    mutating func append(_ other: TextBuilder, blocks: Range<Int>) { append(other.text, other.blocks[blocks]) }

    private mutating func append(_ text: [UInt8], _ blocks: ArraySlice<Block>) {
        end()
        text.withUnsafeBufferPointer { text in
            for block in blocks where !isOverLimit {
                begin(block.kind, level: block.level)
                open()
                self.text.append(contentsOf: UnsafeBufferPointer(rebasing: text[block.start..<block.end]))
                end()
            }
        }
    }

    mutating func beginPage(_ number: Int) {
        end()
        pageStart = (number, text.count)
    }

    mutating func endPage() {
        end()
        guard let (number, offset) = pageStart else { return }
        // The separator before the page's first block belongs to no page.
        let start = min(
            blocks.last(where: { $0.start >= offset }).map { _ in firstBlockStart(from: offset) } ?? offset,
            text.count
        )
        pages.append(PageSpan(number: number, start: start, end: text.count))
        pageStart = nil
    }

    private func firstBlockStart(from offset: Int) -> Int {
        var index = blocks.count
        while index > 0, blocks[index - 1].start >= offset { index -= 1 }
        return blocks[index].start
    }

    private mutating func open() {
        switch state {
        case .inside(_, _, _, .none): break
        case .inside(let kind, let level, let start, let gap):
            if case .cell(let count) = gap {
                for _ in 0..<count { text.append(contentsOf: [0x20, 0x7C]) }
            }
            text.append(0x20)
            state = .inside(kind, level: level, start: start, gap: .none)
        case .between:
            start(.paragraph, level: 0)
        case .begun(let kind, let level):
            start(kind, level: level)
        }
    }

    private mutating func start(_ kind: Block.Kind, level: UInt8) {
        if let last = blocks.last {
            let together = last.kind == kind && (kind == .listItem || kind == .tableRow)
            text.append(contentsOf: together ? [0x0A] : [0x0A, 0x0A])
        }
        state = .inside(kind, level: level, start: text.count, gap: .none)
        for _ in 0..<emptyCells { text.append(contentsOf: [0x7C, 0x20]) }
        emptyCells = 0
    }

    /// The length of the white space or control character at `index`, 0 where there is none. A no-break space counts, it only lays text out.
    private static func blankWidth(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        let byte = bytes[index]
        if byte <= 0x20 || byte == 0x7F { return 1 }
        if byte == 0xC2, index + 1 < bytes.count, bytes[index + 1] == 0xA0 { return 2 }
        return 0
    }
}
