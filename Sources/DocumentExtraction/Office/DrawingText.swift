import ExtractionWire

/// The paragraphs of a drawing: text boxes of a sheet, what SmartArt shows (ECMA-376 part 1, §20.5, §21.4). A chart on a sheet
/// shows what cells hold.
final class DrawingText: MarkupHandler {
    private enum Element: String {
        case paragraph = "p"
        case text = "t"
        case fallback = "Fallback"
        case properties = "cNvPr"
        case other
    }

    private(set) var builder: TextBuilder
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var isText = false
    private var fallbacks = 0

    init(limit: Int) { builder = TextBuilder(limit: limit) }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch names.meaning(of: name) {
        case .paragraph: builder.begin(.paragraph)
        case .text: isText = true
        case .properties: builder.appendAlternative(attributes)
        case .fallback: fallbacks += 1
        case .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch names.meaning(of: name) {
        case .paragraph: builder.end()
        case .text: isText = false
        case .fallback: fallbacks -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) { if isText, fallbacks == 0 { builder.append(text) } }

    /// Adds a drawing's text.
    static func append(_ part: String, _ archive: inout ZipArchive, to builder: inout TextBuilder, limit: Int)
        throws(Rejection)
    {
        let handler = DrawingText(limit: limit)
        guard try archive.parse(part, handler) else { return }
        handler.builder.end()
        builder.append(handler.builder, blocks: handler.builder.blocks.indices)
    }
}

extension TextBuilder {
    /// The words that stand for a picture, as a paragraph; a name of a file says nothing (ECMA-376 part 1, §20.1.2.2.8).
    mutating func appendAlternative(_ attributes: MarkupAttributes) {
        guard let words = Self.alternative(attributes) else { return }
        begin(.paragraph)
        append(words)
        end()
    }

    static func alternative(_ attributes: MarkupAttributes) -> String? {
        guard let words = attributes["descr"]?.trimmed, words.contains(where: \.isLetter),
            words.contains(" ") || !words.contains(".")
        else { return nil }
        return String(words)
    }
}
