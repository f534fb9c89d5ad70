import FoundationEssentials

/// A chunk that answers a question, and where it stands.
package struct SearchHit: Sendable, Equatable {
    package var score: Double
    /// The physical index it was found in.
    package var index: String
    package var documentID: DocumentID
    package var generation: Int
    package var object: ObjectReference
    package var title: String
    package var text: String
    package var headings: [String]
    package var pages: ClosedRange<Int>?

    /// The sentence or line of the text that shares most words with the question, cut to `length` characters; else its beginning.
    package func snippet(for question: String, length: Int = 240) -> String {
        let wanted = Self.words(question)
        let sentences = text.split(omittingEmptySubsequences: true) { $0 == "\n" }.flatMap { line in
            line.split(separator: ". ").map { $0.trimmed }
        }
        let best = sentences.enumerated().max { left, right in
            let (a, b) = (wanted.intersection(Self.words(left.element)).count, wanted.intersection(Self.words(right.element)).count)
            return a != b ? a < b : left.offset > right.offset
        }
        let start = best.flatMap { text.firstRange(of: $0.element)?.lowerBound } ?? text.startIndex
        let flat = text[start...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return flat.count <= length ? flat : flat.prefix(length).trimmed + "…"
    }

    private static func words(_ text: some StringProtocol) -> Set<String> {
        Set(text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init).filter { $0.count > 2 })
    }
}

extension SearchHit {
    struct Answer: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable {
            var _index: String
            var _score: Double?
            var _source: Source
        }
        struct Source: Decodable {
            var document_id: String
            var generation: Int
            var bucket: String
            var key: String
            var title: String?
            var text: String
            var headings: [String]?
            var page_start: Int?
            var page_end: Int?
            var vector: [Float]?
        }
        var _scroll_id: String?
        var hits: Hits
    }

    static let fields = ["document_id", "generation", "bucket", "key", "title", "text", "headings", "page_start", "page_end"]

    init(_ item: Answer.Item, score: Double? = nil) {
        let source = item._source
        self.score = score ?? item._score ?? 0
        index = item._index
        documentID = DocumentID(source.document_id)
        generation = source.generation
        object = ObjectReference(bucket: source.bucket, key: source.key)
        title = source.title ?? ""
        text = source.text
        headings = source.headings ?? []
        if let first = source.page_start, let last = source.page_end, first <= last { pages = first...last }
    }
}
