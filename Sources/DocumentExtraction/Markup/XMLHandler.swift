import ExtractionWire

/// Builds the text of an XML document.
final class XMLHandler: MarkupHandler {
    var builder: TextBuilder
    private(set) var title = ""
    private(set) var authors: [String] = []
    private(set) var language = ""

    private var table = NameTable(XMLRole.init)
    private var roles: [XMLRole] = []
    private var sections = 0
    private var hidden = 0
    private var captured: [UInt8]?
    private var hasCell = false
    /// The path of a document without a known vocabulary: its values are named by it.
    private var path: [String]?
    private var hasText = false
    private static let maximumCapture = 1024
    private static let mostAuthors = 100

    init(limit: Int) { builder = TextBuilder(limit: limit) }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        if roles.isEmpty {
            language = attributes["lang"] ?? ""
            if !XMLRole.vocabularies.contains(name.string.lowercased()) { path = [] }
        }
        if path != nil { return startValue(name, attributes) }
        // The header of a TEI document holds its title and authors, and the text is elsewhere; JATS has an article's title among what is about it.
        let role = table.meaning(of: name)
        roles.append(role)
        switch role {
        case .inline: break
        case .block: if hidden == 0 { beginParagraph() }
        case .title:
            if title.isEmpty { captured = [] }
            if hidden == 0 { builder.begin(.heading, level: UInt8(min(6, sections + 1))) }
        case .listItem: if hidden == 0 { builder.begin(.listItem) }
        case .row:
            builder.begin(.tableRow)
            hasCell = false
        case .cell:
            if hasCell { builder.separate() }
            hasCell = true
        case .code: builder.begin(.code)
        case .author: if authors.count < Self.mostAuthors, sections == 0 { captured = [] }
        case .about: hidden += 1
        case .section:
            sections += 1
            builder.begin(.paragraph)
        }
    }

    func end(_ name: MarkupName) {
        if path != nil { return endValue() }
        guard let role = roles.popLast() else { return }
        switch role {
        case .inline: if captured != nil { captured!.append(0x20) }
        case .block: if !isInRow { builder.end() }
        case .listItem, .row, .code: builder.end()
        case .cell: break
        case .title:
            if let captured, title.isEmpty { title = Self.line(captured) }
            captured = nil
            builder.end()
        case .author:
            if let captured {
                let name = Self.line(captured)
                if !name.isEmpty { authors.append(name) }
            }
            captured = nil
            builder.end()
        case .about: hidden -= 1
        case .section:
            sections -= 1
            builder.end()
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if path != nil {
            if !hasText, text.contains(where: { $0 > 0x20 }) { beginValue("") }
            if hasText { builder.append(text) }
            return
        }
        if captured != nil, captured!.count < Self.maximumCapture { captured!.append(contentsOf: text) }
        guard hidden == 0 else { return }
        if case .code = roles.last { builder.appendVerbatim(text) } else { builder.append(text) }
    }

    private var isInRow: Bool { roles.contains { if case .row = $0 { true } else { false } } }

    /// Paragraphs inside a list item or a cell are that item or cell.
    private func beginParagraph() {
        if isInRow { builder.softBreak() } else if !builder.isBegun(.listItem) { builder.begin(.paragraph) }
    }

    private static func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    // A document of values.

    private func startValue(_ name: MarkupName, _ attributes: MarkupAttributes) {
        builder.end()
        hasText = false
        roles.append(.block)
        path!.append(name.string)
        for (name, value) in attributes.all where !value.isEmpty {
            beginValue("@\(name)")
            builder.append(value)
            builder.end()
        }
        hasText = false
    }

    private func endValue() {
        builder.end()
        hasText = false
        if !roles.isEmpty { roles.removeLast() }
        path!.removeLast()
    }

    /// The last two names of the path identify a value.
    private func beginValue(_ attribute: String) {
        builder.begin(.listItem)
        builder.append(path!.suffix(2).joined(separator: "/") + attribute + ": ")
        hasText = true
    }
}
