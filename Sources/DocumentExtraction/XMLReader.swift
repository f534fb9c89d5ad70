import ExtractionWire

/// XML of any vocabulary: the text of its elements in document order, titles as headings.
enum XMLReader {
    static func read(_ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        let handler = XMLHandler(limit: limits.textBytes)
        try MarkupParser.parseXML(bytes, handler: handler)
        return try handler.builder.document(.xml, title: handler.title, limits: limits)
    }
}

private final class XMLHandler: MarkupHandler {
    var builder: TextBuilder
    private(set) var title = ""
    private var path: [String] = []
    private var titleBytes: [UInt8] = []

    /// Names of titles in JATS, TEI, DocBook and RSS.
    private static let titles: Set<String> = ["title", "article-title", "head", "subtitle"]
    /// Elements that stand inside a line of text and do not end it (JATS, TEI, DocBook).
    private static let inline: Set<String> = [
        "italic", "bold", "sub", "sup", "xref", "ref", "hi", "emphasis", "ext-link", "link", "email", "uri", "sc",
        "monospace", "named-content", "rs", "i",
        "b", "u", "em", "strong", "a", "code", "quote", "q", "abbr", "term",
    ]

    init(limit: Int) { builder = TextBuilder(limit: limit) }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: String) {
        path.append(name)
        if Self.inline.contains(name) { return }
        if Self.titles.contains(name) {
            let sections = path.count { $0 == "sec" || $0 == "section" || $0 == "div" || $0 == "chapter" }
            builder.begin(.heading, level: UInt8(min(6, sections + 1)))
        } else {
            builder.begin(.paragraph)
        }
    }

    func end(_ name: String) {
        if path.last == name { path.removeLast() }
        if Self.inline.contains(name) { return }
        if title.isEmpty, Self.titles.contains(name) {
            title = String(String(decoding: titleBytes, as: UTF8.self).trimmed)
        }
        builder.end()
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if title.isEmpty, let name = path.last, Self.titles.contains(name), titleBytes.count < 1024 {
            titleBytes.append(contentsOf: text)
        }
        builder.append(text)
    }
}
