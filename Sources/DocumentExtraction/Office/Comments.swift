import ExtractionWire

/// What readers have written to an office document: comments of Word, PowerPoint and Excel, old and new (ECMA-376 part 1, §17.13.4, §18.7, §19.4; MS-XLSX §2.6.204). Each is a
/// paragraph that says whose it is or which cell it belongs to.
enum Comments {
    static func append(_ part: String, _ archive: inout ZipArchive, to builder: inout TextBuilder) throws(Rejection) {
        let handler = CommentHandler(builder)
        try archive.parse(part, handler)
        builder = handler.builder
    }
}

private final class CommentHandler: MarkupHandler {
    private enum Element: String {
        case comment, cm, threadedComment
        case text, t
        case paragraph = "p"
        case other
    }

    private(set) var builder: TextBuilder
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var texts = 0

    init(_ builder: TextBuilder) { self.builder = builder }

    var isDone: Bool { builder.isOverLimit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch names.meaning(of: name) {
        case .comment, .cm, .threadedComment:
            builder.begin(.paragraph)
            let label =
                attributes["ref"].map { " on \($0)" } ?? attributes["author"].flatMap { $0.isEmpty ? nil : " by \($0)" }
                ?? ""
            builder.append("Comment\(label):")
            builder.softBreak()
        case .text, .t: texts += 1
        case .paragraph: builder.softBreak()
        case .other: break
        }
    }

    func end(_ name: MarkupName) {
        switch names.meaning(of: name) {
        case .comment, .cm, .threadedComment: builder.end()
        case .text, .t: texts -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) { if texts > 0 { builder.append(text) } }
}
