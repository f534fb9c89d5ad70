import ExtractionWire

/// Writes a page's lines as headings, paragraphs, list items and rows, and joins words that are broken between lines.
package struct PageWriter {
    /// Lines of a paragraph are closer than this share of their height.
    static let paragraphGap: Float = 0.6
    /// Lines of a paragraph differ in height by less than this factor.
    private static let sizeStep: Float = 1.25
    private static let bullets = Set("•◦▪▫■●○‣⁃∙·\u{F0B7}\u{F0A7}".unicodeScalars)

    private let layout: PageLayout
    private let number: Int
    private let headings: HeadingSizes
    private let code: CodeLines
    private let hyphenation: Hyphenation

    package init(_ layout: PageLayout, number: Int) {
        self.init(layout, number: number, headings: HeadingSizes([]), code: CodeLines([]), hyphenation: Hyphenation([]))
    }

    init(_ layout: PageLayout, number: Int, headings: HeadingSizes, code: CodeLines, hyphenation: Hyphenation) {
        (self.layout, self.number) = (layout, number)
        (self.headings, self.code, self.hyphenation) = (headings, code, hyphenation)
    }

    package func append(to builder: inout TextBuilder) {
        let code = self.code.lines(of: layout)
        let kinds = layout.lines.indices.map { kind($0, code) }
        // Of a piece of code, and whether its last line goes on with the next word.
        var (margin, isJoined): (Float, Bool) = (0, false)
        for (index, line) in layout.lines.enumerated() where !builder.isOverLimit {
            if index == 0 || begins(index, kinds) {
                begin(index, kinds[index], &builder)
                (margin, isJoined) = (kinds[index] == .code ? self.margin(from: index, kinds) : 0, false)
            }
            let next =
                index + 1 < layout.lines.count && !begins(index + 1, kinds) ? layout.lines[index + 1].fragments[0] : nil
            if kinds[index] == .code {
                isJoined = appendCode(line, margin: isJoined ? line.box.left : margin, before: next, to: &builder)
                if !isJoined { builder.breakLine() }
                continue
            }
            if let cells = line.cells {
                for (place, cell) in cells.enumerated() {
                    if place > 0 { builder.keepPlace() }
                    append(cell, to: &builder)
                }
                continue
            }
            if !append(line.fragments, before: next, to: &builder) { builder.breakLine() }
        }
        builder.end()
    }

    /// Pieces of a line or of a cell, whose broken words are joined. True where the last one goes on with `next`.
    @discardableResult
    private func append(_ fragments: [Fragment], before next: Fragment? = nil, to builder: inout TextBuilder) -> Bool {
        var joins = false
        for (place, fragment) in fragments.enumerated() {
            if place > 0, !joins { builder.softBreak() }
            var fragment = fragment
            let following = place + 1 < fragments.count ? fragments[place + 1] : next
            joins = following.map { isBroken(fragment, $0) } ?? false
            if joins, let following, !keepsHyphen(fragment, following) {
                fragment.end -= BrokenWord.hyphenWidth(bytes(fragment))
            }
            builder.appendLine(bytes(fragment), number, layout.frame.onPage(fragment.box))
        }
        return joins
    }

    /// A line with its indentation. True where its last word goes on with `next`.
    private func appendCode(_ line: PageLine, margin: Float, before next: Fragment?, to builder: inout TextBuilder)
        -> Bool
    {
        var joins = false
        for piece in CodeLines.pieces(of: line, layout.text, margin: margin) {
            var fragment = piece.fragment
            if let next, fragment.end == line.fragments.last!.end, isBroken(fragment, next) {
                joins = true
                if !keepsHyphen(fragment, next) { fragment.end -= BrokenWord.hyphenWidth(bytes(fragment)) }
            }
            builder.appendBlanks(piece.blanks)
            builder.appendLine(bytes(fragment), number, layout.frame.onPage(fragment.box))
        }
        return joins
    }

    private enum Kind: Equatable {
        case text
        case item
        case heading(UInt8)
        case row
        case code
    }

    private func kind(_ index: Int, _ code: Set<Int>) -> Kind {
        let line = layout.lines[index]
        if line.cells != nil { return .row }
        let length = layout.length(line)
        if let level = headings.level(line, length: length) { return .heading(level) }
        if code.contains(index) { return .code }
        if startsWithBullet(line) { return .item }
        if line.isBold, length < 100, length > 2, isAlone(index),
            !layout.text[line.fragments.last!.end - 1].isSentenceEnd
        {
            return .heading(headings.boldLevel)
        }
        return .text
    }

    /// Room above and below, or another font below.
    private func isAlone(_ index: Int) -> Bool {
        let line = layout.lines[index]
        if index > 0, isClose(layout.lines[index - 1], line), layout.lines[index - 1].isBold { return false }
        guard index + 1 < layout.lines.count else { return false }
        return !layout.lines[index + 1].isBold
    }

    private func begin(_ index: Int, _ kind: Kind, _ builder: inout TextBuilder) {
        switch kind {
        case .text: builder.begin(.paragraph)
        case .item: builder.begin(.listItem)
        case .heading(let level): builder.begin(.heading, level: level)
        case .row: builder.begin(.tableRow)
        case .code: builder.begin(.code)
        }
    }

    /// Where the leftmost line of a piece of code begins.
    private func margin(from first: Int, _ kinds: [Kind]) -> Float {
        var (index, margin) = (first + 1, layout.lines[first].box.left)
        while index < layout.lines.count, !begins(index, kinds) {
            margin = min(margin, layout.lines[index].box.left)
            index += 1
        }
        return margin
    }

    private func begins(_ index: Int, _ kinds: [Kind]) -> Bool {
        switch (kinds[index - 1], kinds[index]) {
        case (_, .item), (_, .row): return true
        case (.heading(let above), .heading(let level)):
            return above != level || !isClose(layout.lines[index - 1], layout.lines[index])
        case (.text, .text), (.item, .text): return startsParagraph(index)
        case (.code, .code): return !CodeLines.areTogether(layout.lines[index - 1], layout.lines[index])
        default: return true
        }
    }

    private func isClose(_ above: PageLine, _ line: PageLine) -> Bool {
        line.box.top > above.box.top
            && line.box.top - above.box.bottom <= Self.paragraphGap * min(above.box.height, line.box.height)
    }

    private func startsParagraph(_ index: Int) -> Bool {
        let (above, line) = (layout.lines[index - 1].box, layout.lines[index].box)
        let (small, large) = (min(above.height, line.height), max(above.height, line.height))
        if large > small * Self.sizeStep * 1.2 { return true }
        if line.top > above.top { return line.top - above.bottom > Self.paragraphGap * small }
        // The next column: the paragraph goes on unless a sentence ends here.
        return above.gap(to: line) > small && layout.text[layout.lines[index - 1].fragments.last!.end - 1].isSentenceEnd
    }

    private func startsWithBullet(_ line: PageLine) -> Bool {
        let first = line.fragments[0]
        let head = String(decoding: layout.text[first.start..<min(first.end, first.start + 8)], as: UTF8.self)
            .unicodeScalars
        guard let scalar = head.first, Self.bullets.contains(scalar) else { return false }
        return head.count > 1 || line.fragments.count > 1
    }

    private func bytes(_ fragment: Fragment) -> ArraySlice<UInt8> { layout.text[fragment.start..<fragment.end] }

    /// Whether a word is broken between two lines that stand below each other.
    private func isBroken(_ last: Fragment, _ first: Fragment) -> Bool {
        !last.box.isBeside(first.box) && BrokenWord.isBroken(bytes(last), bytes(first))
    }

    private func keepsHyphen(_ last: Fragment, _ next: Fragment) -> Bool {
        hyphenation.keeps(bytes(last).dropLast(BrokenWord.hyphenWidth(bytes(last))), bytes(next))
    }
}

extension UInt8 {
    fileprivate var isSentenceEnd: Bool { [0x2E, 0x21, 0x3F, 0x3A].contains(self) }
}
