import TextCoding

/// What stands before the text of chunks where they are embedded and where words are matched: the document's title, the headings above, the head of a table.
struct ChunkContext {
    private let tokenizer: Tokenizer
    private let title: String
    private let limit: Int
    /// Chunks of one section have one context.
    private var last: (headings: [String], head: String?, lines: ContextLines)?

    /// - Parameter limit: tokens, at most.
    init(title: String, limit: Int, tokenizer: Tokenizer) {
        (self.title, self.limit, self.tokenizer) = (HeadingPath.title(title.utf8), limit, tokenizer)
    }

    mutating func lines(_ headings: [String], tableHead: String?) -> ContextLines {
        if let last, last.headings == headings, last.head == tableHead { return last.lines }
        let lines = fitting(headings, tableHead)
        last = (headings, tableHead, lines)
        return lines
    }

    private func fitting(_ headings: [String], _ head: String?) -> ContextLines {
        guard limit > 0 else { return ContextLines() }
        var path = headings
        if path.first == title { path.removeFirst() }
        while true {
            let lines = [title, path.joined(separator: " > "), head ?? ""].filter { !$0.isEmpty }
            guard !lines.isEmpty else { return ContextLines() }
            let made = ContextLines(text: lines.joined(separator: "\n"), tokenizer)
            if made.tokens <= limit { return made }
            // The nearest headings say most.
            if path.count > 1 {
                path.removeFirst()
                continue
            }
            var text = made.text
            let cut = text.withUTF8 { bytes in
                String(decoding: bytes[..<tokenizer.prefix(of: bytes, tokens: max(1, limit - 2))], as: UTF8.self)
            }
            return ContextLines(text: String(cut.trimmed), tokenizer)
        }
    }
}

/// Lines that stand before a chunk's text, with the empty line between.
package struct ContextLines: Equatable, Sendable {
    /// Empty where nothing stands there.
    package var text = ""
    /// cl100k_base tokens of `text` and the empty line.
    package var tokens = 0

    package init() {}

    package init(text: String, _ tokenizer: Tokenizer = .cl100k) {
        self.text = text
        tokens = text.isEmpty ? 0 : tokenizer.count(text + Self.separator)
    }

    private static let separator = "\n\n"

    /// `text` with lines before it, where there are some.
    static func joined(_ lines: String, _ text: String) -> String { lines.isEmpty ? text : lines + separator + text }
}
