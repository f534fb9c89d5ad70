import ExtractionWire

/// HTML: headings, paragraphs, list items, table rows and code.
enum HTMLReader {
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let handler = HTMLHandler(limit: limits.textBytes)
        try MarkupParser.parseHTML(bytes, encoding: encoding(bytes, hints), handler: handler)
        let title = handler.title.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return try handler.builder.document(.html, title: title, limits: limits)
    }

    /// A byte order mark, the Content-Type's charset, a declaration in the first 1,024 bytes (WHATWG HTML, "determining the character
    /// encoding"), else UTF-8 where it is valid and windows-1252 where it is not. libxml2 is always told: its own guess is Latin-1.
    static func encoding(_ bytes: UnsafeRawBufferPointer, _ hints: ExtractionHints) -> String {
        if let (name, _) = TextDecoder.byteOrderMark(bytes) { return name }
        for source in [hints.contentType, String(decoding: bytes.prefix(1024), as: UTF8.self)] {
            let source = source.lowercased()
            guard let range = source.firstRange(of: "charset=") else { continue }
            let label = source[range.upperBound...].drop { $0 == "\"" || $0 == "'" }.prefix {
                $0.isLetter || $0.isNumber || "-_:".contains($0)
            }
            if !label.isEmpty { return TextDecoder.canonical(String(label)) }
        }
        return TextDecoder.isUTF8(bytes) ? "UTF-8" : "WINDOWS-1252"
    }
}

private final class HTMLHandler: MarkupHandler {
    var builder: TextBuilder
    private(set) var title = ""
    private var skipped = 0
    private var preformatted = 0
    private var isTitle = false

    private static let skips: Set<String> = [
        "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "textarea",
    ]
    private static let paragraphs: Set<String> = [
        "p", "div", "br", "hr", "ul", "ol", "dl", "dt", "dd", "table", "section", "article", "header", "footer", "nav",
        "body", "main",
        "aside", "figure", "figcaption", "form", "blockquote", "address", "caption", "details", "summary", "fieldset",
    ]

    init(limit: Int) { builder = TextBuilder(limit: limit) }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: String) {
        if Self.skips.contains(name) { skipped += 1 }
        switch name {
        case "title": isTitle = title.isEmpty
        case "h1", "h2", "h3", "h4", "h5", "h6": builder.begin(.heading, level: name.utf8.last! - 0x30)
        case "li": builder.begin(.listItem)
        case "tr": builder.begin(.tableRow)
        case "td", "th": builder.separate()
        case "pre":
            preformatted += 1
            builder.begin(.code)
        default:
            if Self.paragraphs.contains(name) { builder.begin(.paragraph) }
        }
    }

    func end(_ name: String) {
        if Self.skips.contains(name) { skipped = max(0, skipped - 1) }
        switch name {
        case "title": isTitle = false
        case "h1", "h2", "h3", "h4", "h5", "h6", "li", "tr": builder.end()
        case "td", "th": builder.separate()
        case "pre":
            preformatted = max(0, preformatted - 1)
            builder.end()
        default:
            if name != "br", Self.paragraphs.contains(name) { builder.end() }
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if isTitle {
            if title.utf8.count < 1024 { title += String(decoding: text, as: UTF8.self) }
        } else if skipped == 0 {
            if preformatted > 0 { builder.appendVerbatim(text) } else { builder.append(text) }
        }
    }
}
