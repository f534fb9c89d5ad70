import ExtractionWire

/// Collects the canonical text and its blocks. Everything that is appended must be valid UTF-8.
package struct TextBuilder {
    private enum State {
        case between
        /// A block was begun and has no text yet.
        case begun(Block.Kind, level: UInt8)
        case inside(Block.Kind, level: UInt8, start: Int, pendingSpace: Bool)
    }

    private(set) var text: [UInt8] = []
    private(set) var blocks: [Block] = []
    private(set) var pages: [PageSpan] = []
    private var state = State.between
    private var pageStart: (number: Int, offset: Int)?
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// More text than the limit allows: the reader should stop.
    var isOverLimit: Bool { text.count > limit }

    /// Ends the open block, if any; the next text belongs to a block of this kind.
    mutating func begin(_ kind: Block.Kind, level: UInt8 = 0) {
        end()
        state = .begun(kind, level: level)
    }

    mutating func end() {
        if case .inside(let kind, let level, let start, _) = state {
            while text.count > start, text[text.count - 1] == 0x0A { text.removeLast() }
            if text.count > start { blocks.append(Block(kind: kind, level: level, start: start, end: text.count)) }
        }
        state = .between
    }

    /// Appends running text: every run of white space becomes one space, and none stands at the ends of a block.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < bytes.count, !isOverLimit {
            let width = Self.blankWidth(bytes, index)
            if width > 0 {
                if case .inside(let kind, let level, let start, _) = state {
                    state = .inside(kind, level: level, start: start, pendingSpace: true)
                }
                index += width
                continue
            }
            var stop = index + 1
            while stop < bytes.count, Self.blankWidth(bytes, stop) == 0 { stop += 1 }
            open()
            text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[index..<stop]))
            index = stop
        }
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
            if stop > index {
                open()
                text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[index..<stop]))
            }
            index = stop + 1
        }
    }

    /// Ends a line inside the open block; left out at the block's end.
    mutating func breakLine() {
        if case .inside = state { text.append(0x0A) }
    }

    /// A separator inside the open block (between cells of a row), left out at the block's ends.
    mutating func separate() {
        if case .inside(let kind, let level, let start, _) = state {
            state = .inside(kind, level: level, start: start, pendingSpace: true)
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
        case .inside(let kind, let level, let start, let pendingSpace):
            if pendingSpace {
                text.append(0x20)
                state = .inside(kind, level: level, start: start, pendingSpace: false)
            }
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
        state = .inside(kind, level: level, start: text.count, pendingSpace: false)
    }

    /// The length of the white space or control character at `index`, 0 where there is none. A no-break space counts, it only lays text out.
    private static func blankWidth(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        let byte = bytes[index]
        if byte <= 0x20 || byte == 0x7F { return 1 }
        if byte == 0xC2, index + 1 < bytes.count, bytes[index + 1] == 0xA0 { return 2 }
        return 0
    }
}
