import ExtractionWire

/// Builds the text of an HTML page, and notes for each block whether it belongs to the page's content.
final class HTMLHandler: MarkupHandler {
    var builder: TextBuilder
    private(set) var traits: [MainContent.Traits] = []
    private(set) var title = ""
    private(set) var author = ""
    private(set) var language = ""
    private(set) var modified = ""
    private(set) var links: [String] = []
    private(set) var hiddenCharacters = 0
    private var seen: Set<String> = []

    /// What an open element changes for everything inside it.
    private struct Surroundings {
        var isBoilerplate = false
        var isMain = false
        var isSkipped = false
        var isDrawing = false
        var isPreformatted = false
        var isLink = false
        /// The link of a heading to itself, which may be all of it.
        var isPermalink = false
        var isCell = false
        /// In a cell of a table that names its columns or rows: no layout of a page.
        var isDataCell = false
        /// Out of sight: read, and counted.
        var isHidden = false
        var isRaised = false
        /// The element itself is a table with rows of its own.
        var ownsTable = false
    }

    private var table = NameTable(HTMLElement.init)
    private var open: [Surroundings] = [Surroundings()]
    /// Of the block that is being built.
    private var current = MainContent.Traits()
    private var isTitle = false
    /// Tables in each other, which have rows of their own.
    private var tables = [TableCells()]
    /// The outermost open element that only its id calls boilerplate.
    private var doubt: Doubt?

    private struct Doubt {
        var id: [UInt8]
        /// Of the element in `open`, and of its first block.
        var depth: Int
        var block: Int
    }

    /// - Parameter builder: with what comes before the page, as in a book.
    init(_ builder: TextBuilder) { self.builder = builder }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        var element = table.meaning(of: name)
        if element.isContainer { element.look(at: attributes) }
        var inside = open[open.count - 1]
        inside.ownsTable = false
        inside.isMain = inside.isMain || element.isMain
        if element.hasBoilerplateID, !inside.isMain, !inside.isBoilerplate, !element.isBoilerplate {
            finish()
            doubt = Doubt(id: slug(attributes.bytes("id")), depth: open.count, block: builder.blocks.count)
            inside.isBoilerplate = true
        }
        inside.isBoilerplate = inside.isBoilerplate || element.isBoilerplate
        if let style = attributes.bytes("style"), HTMLElement.isHidden(style) { inside.isHidden = true }
        switch element.role {
        case .inline: break
        case .raised: inside.isRaised = true
        case .block: beginBlock(inside)
        case .heading, .listItem, .preformatted:
            if inside.isDataCell {
                builder.softBreak()
            } else {
                inside.isPreformatted = beginsVerbatim(element.role) || inside.isPreformatted
            }
        case .table:
            beginBlock(inside)
            // What is in a cell of a row that goes on is of that row.
            if !inside.isDataCell {
                tables.append(TableCells())
                tables[tables.count - 1].keepsPlaces = false
            }
            (inside.isCell, inside.ownsTable) = (inside.isDataCell, !inside.isDataCell)
        case .row:
            if !inside.isDataCell { finish() }
            tables[tables.count - 1].beginRow(&builder)
        case .cell(let isHead):
            let open = tables.count - 1
            if isHead { tables[open].keepsPlaces = true }
            if let names = attributes.bytes("class"), HTMLElement.isLineNumbers(names) { inside.isSkipped = true }
            tables[open].beginCell(
                &builder,
                columns: attributes["colspan"].flatMap { Int($0) } ?? 1,
                rows: attributes["rowspan"].flatMap { Int($0) } ?? 1
            )
            (inside.isCell, inside.isDataCell) = (true, tables[open].keepsPlaces)
        case .lineBreak:
            if inside.isPreformatted { builder.breakLine() } else { builder.softBreak() }
        case .link:
            inside.isLink = true
            if let names = attributes.bytes("class"), HTMLElement.isPermalink(names) {
                // Some generators put the heading's own text there.
                if builder.isBegun(.heading) { inside.isPermalink = true } else { inside.isSkipped = true }
            }
            if !inside.isBoilerplate, let target = attributes.bytes("href") { note(target) }
        // Drawings have titles as well.
        case .title: isTitle = title.isEmpty && !inside.isSkipped
        case .picture: if !inside.isSkipped, !inside.isLink { append(alternative: attributes.bytes("alt")) }
        case .token: builder.softBreak()
        case .drawing: (inside.isDrawing, inside.isSkipped) = (!inside.isSkipped, true)
        case .drawnText:
            if inside.isDrawing {
                inside.isSkipped = false
                builder.softBreak()
            }
        case .metadata: describe(attributes)
        case .root: language = attributes["lang"] ?? ""
        case .button: inside.isSkipped = !isQuestion(attributes)
        case .skipped: inside.isSkipped = true
        }
        open.append(inside)
        if case .inline = element.role {} else { place(inside) }
    }

    func end(_ name: MarkupName) {
        let closed = open.count > 1 ? open.removeLast() : open[0]
        if case .heading = table.meaning(of: name).role { settleDoubt() }
        if let depth = doubt?.depth, open.count <= depth { doubt = nil }
        switch table.meaning(of: name).role {
        case .block: if open[open.count - 1].isCell { builder.softBreak() } else { finish() }
        case .heading, .listItem, .preformatted:
            if closed.isDataCell { builder.softBreak() } else { finish() }
        case .table: endTable(closed)
        case .row:
            tables[tables.count - 1].endRow(&builder)
            if !closed.isDataCell { finish() }
        case .cell: tables[tables.count - 1].endCell(&builder)
        case .title: isTitle = false
        case .token, .drawnText: builder.softBreak()
        default: break
        }
        place(open[open.count - 1])
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 2, text[0] == 0xC2, let letter = WindowsReferences.letters[text[1]] else {
            return append(text)
        }
        letter.withUnsafeBufferPointer(append)
    }

    private func append(_ text: UnsafeBufferPointer<UInt8>) {
        let inside = open[open.count - 1]
        if isTitle {
            if title.utf8.count < 1024 { title += String(decoding: text, as: UTF8.self) }
        } else if !inside.isSkipped, !inside.isPermalink || !HTMLElement.isPermalinkSign(text) {
            if inside.isLink { current.linkBytes += text.count }
            if inside.isHidden { hiddenCharacters += text.inkedCharacters }
            if inside.isRaised, let first = text.first { separateRaised(first) }
            if inside.isPreformatted { builder.appendVerbatim(text) } else { builder.append(text) }
        }
    }

    /// 10 and a raised 6 are no 106, and the number of a note is none of the word's.
    private func separateRaised(_ first: UInt8) {
        open[open.count - 1].isRaised = false
        if (0x30...0x39).contains(first), builder.endsInDigit {
            builder.append("^")
        } else if first == 0x5B {
            builder.softBreak()
        }
    }

    /// Names of files and what is only laid out say nothing.
    private func append(alternative text: UnsafeBufferPointer<UInt8>?) {
        guard let text, text.count <= 2048, text.contains(where: { $0 > 0x20 }),
            !(text.contains(0x2E) && !text.contains(0x20))
        else { return }
        builder.softBreak()
        append(text)
        builder.softBreak()
    }

    /// Ends the open block.
    func finish() {
        builder.end()
        while traits.count < builder.blocks.count { traits.append(current) }
        current.linkBytes = 0
    }

    /// The question of an accordion stands in a heading, or opens what follows (WAI-ARIA, "Accordion Pattern").
    private func isQuestion(_ attributes: MarkupAttributes) -> Bool {
        if builder.isInside(.heading) { return true }
        guard attributes.bytes("aria-expanded") != nil, !builder.isInside(.tableRow), !builder.isInside(.listItem)
        else {
            return false
        }
        begin(.paragraph)
        return true
    }

    /// An id that is the slug of the element's own heading says nothing of what the element is.
    private func settleDoubt() {
        guard let doubt, builder.blocks.count >= doubt.block else { return }
        builder.end()
        guard let heading = builder.blocks.last, heading.kind == .heading, builder.blocks.count > doubt.block else {
            return
        }
        self.doubt = nil
        let title = builder.text[heading.start..<heading.end].withUnsafeBufferPointer { slug($0) }
        // The second heading of a name has a number behind it.
        let rest = doubt.id.dropFirst(title.count)
        guard doubt.id.starts(with: title), rest.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }) else {
            return
        }
        for index in doubt.depth..<open.count { open[index].isBoilerplate = false }
        for index in doubt.block..<max(doubt.block, traits.count) { traits[index].isBoilerplate = false }
        current.isBoilerplate = false
        finish()
    }

    /// Letters and digits in small letters, all else as hyphens, none at the ends.
    private func slug(_ name: UnsafeBufferPointer<UInt8>?) -> [UInt8] {
        var slug: [UInt8] = []
        for byte in name ?? UnsafeBufferPointer(start: nil, count: 0) {
            let isWord = (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte >= 0x80
            if isWord {
                slug.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
            } else if let last = slug.last, last != 0x2D {
                slug.append(0x2D)
            }
        }
        if slug.last == 0x2D { slug.removeLast() }
        return slug
    }

    /// Begins the block. True where its lines and blanks stay as they are.
    private func beginsVerbatim(_ role: HTMLElement.Role) -> Bool {
        switch role {
        case .heading(let level): begin(.heading, level: level)
        case .preformatted:
            begin(.code)
            return true
        default: begin(.listItem)
        }
        return false
    }

    private func endTable(_ table: Surroundings) {
        if table.ownsTable, tables.count > 1 { tables.removeLast() }
        if table.isCell { builder.softBreak() } else { finish() }
    }

    /// Paragraphs inside a cell or at the start of a list item are that cell or item.
    private func beginBlock(_ inside: Surroundings) {
        if inside.isCell {
            builder.softBreak()
        } else if !builder.isBegun(.listItem) {
            begin(.paragraph)
        }
    }

    private func begin(_ kind: Block.Kind, level: UInt8 = 0) {
        finish()
        builder.begin(kind, level: level)
    }

    private func place(_ inside: Surroundings) {
        current.isBoilerplate = inside.isBoilerplate
        current.isMain = inside.isMain
    }

    private func note(_ target: UnsafeBufferPointer<UInt8>) {
        guard links.count < DocumentNotes.maximumList, target.count <= 2048, target.starts(with: "http".utf8) else {
            return
        }
        let link = String(decoding: target, as: UTF8.self)
        if seen.insert(link).inserted { links.append(link) }
    }

    private func describe(_ attributes: MarkupAttributes) {
        guard let name = (attributes["name"] ?? attributes["property"])?.lowercased(),
            let content = attributes["content"]
        else { return }
        switch name {
        case "author", "article:author", "dc.creator": author = String(content.prefix(1024))
        case "article:modified_time", "last-modified", "dcterms.modified": modified = String(content.prefix(64))
        default: break
        }
    }
}
