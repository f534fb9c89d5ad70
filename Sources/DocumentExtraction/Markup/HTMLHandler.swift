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
    private var seen: Set<String> = []

    /// What an open element changes for everything inside it.
    private struct Surroundings {
        var isBoilerplate = false
        var isMain = false
        var isSkipped = false
        var isPreformatted = false
        var isLink = false
        var isCell = false
    }

    private var table = NameTable(HTMLElement.init)
    private var open: [Surroundings] = [Surroundings()]
    /// Of the block that is being built.
    private var current = MainContent.Traits()
    private var isTitle = false
    private var hasCell = false

    /// - Parameter builder: with what comes before the page, as in a book.
    init(_ builder: TextBuilder) { self.builder = builder }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        var element = table.meaning(of: name)
        if element.isContainer { element.look(at: attributes) }
        var inside = open[open.count - 1]
        inside.isBoilerplate = inside.isBoilerplate || element.isBoilerplate
        inside.isMain = inside.isMain || element.isMain
        switch element.role {
        case .inline: break
        case .block: beginBlock(inside)
        case .heading(let level): begin(.heading, level: level)
        case .listItem: begin(.listItem)
        case .row:
            begin(.tableRow)
            hasCell = false
        case .cell:
            if hasCell { builder.separate() }
            hasCell = true
            inside.isCell = true
        case .preformatted:
            begin(.code)
            inside.isPreformatted = true
        case .lineBreak:
            if inside.isPreformatted { builder.breakLine() } else { builder.softBreak() }
        case .link:
            inside.isLink = true
            if !inside.isBoilerplate, let target = attributes.bytes("href") { note(target) }
        case .title: isTitle = title.isEmpty
        case .metadata: describe(attributes)
        case .root: language = attributes["lang"] ?? ""
        case .skipped: inside.isSkipped = true
        }
        open.append(inside)
        if case .inline = element.role {} else { place(inside) }
    }

    func end(_ name: MarkupName) {
        if open.count > 1 { open.removeLast() }
        switch table.meaning(of: name).role {
        case .block: if open[open.count - 1].isCell { builder.softBreak() } else { finish() }
        case .heading, .listItem, .row, .preformatted: finish()
        case .title: isTitle = false
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
        } else if !inside.isSkipped {
            if inside.isLink { current.linkBytes += text.count }
            if inside.isPreformatted { builder.appendVerbatim(text) } else { builder.append(text) }
        }
    }

    /// Ends the open block.
    func finish() {
        builder.end()
        while traits.count < builder.blocks.count { traits.append(current) }
        current.linkBytes = 0
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
