import FoundationEssentials
import TextCoding

/// A search result: a chunk and its location.
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
    package var pages: [PagePart]
    package var tenant = ""
    package var format = ""
    package var language = ""
    package var flags: [String] = []
    package var quality: Int?
    /// Its place among the document's chunks, and how many those are.
    package var chunk = 0
    package var chunkCount = 0
    package var tokens = 0
    /// Characters of the document's text.
    package var characters = 0..<0
    package var contentHash = ""
    /// The larger chunk that it is a part of (CHUNK_STRATEGY=parent-child).
    package var parent: Int?
    /// When the object was last modified, as the index has it.
    package var lastModified = ""
    package var author = ""
    package var url = ""
    /// Attributes of the object, as a JSON object; empty where there are none.
    package var metadata: [UInt8] = []
    /// Passages with the question's words in `<em>`; empty where none of them is in the text.
    package var highlights: [String] = []

    package var id: String { IndexedChunk.id(documentID, generation, chunk) }

    /// The sentence or line of the text that shares most words with the question and what follows, cut to `length` characters; the
    /// beginning where none shares a word. With its page.
    package func passage(for question: String, length: Int = 240) -> (text: String, page: Int?) {
        let terms = Self.words(question)
        let sentences = text.split(separator: "\n").flatMap { $0.split(separator: ". ") }
        let best = sentences.enumerated().max { left, right in
            let (a, b) = (
                terms.intersection(Self.words(left.element)).count,
                terms.intersection(Self.words(right.element)).count
            )
            return a != b ? a < b : left.offset > right.offset
        }
        let start = best?.element.startIndex ?? text.startIndex
        let offset = text.unicodeScalars.distance(from: text.startIndex, to: start)
        let flat = text[start...].prefix(length * 2).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let page = pages.last { $0.offset <= offset } ?? pages.first
        return (flat.count <= length ? flat : flat.prefix(length).trimmed + "…", page?.number)
    }

    private static func words(_ text: some StringProtocol) -> Set<String> {
        Set(text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init).filter { $0.count > 2 })
    }
}

extension SearchHit {
    struct ResponseBody: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable {
            var _index: String
            var _score: Double?
            var _source: Source
            var highlight: [String: [String]]?
        }
        struct Source: Decodable {
            var document_id: String
            var generation: Int
            var bucket: String
            var key: String
            var title: String?
            var text: String?
            var headings: [String]?
            var page_numbers: [Int]?
            var page_offsets: [Int]?
            var vector: [Float]?
            var tenant: String?
            var format: String?
            var language: String?
            var flags: [String]?
            var quality: Int?
            var chunk_index: Int?
            var chunk_count: Int?
            var tokens: Int?
            var char_start: Int?
            var char_end: Int?
            var content_hash: String?
            var parent_index: Int?
            var last_modified: String?
            var author: String?
            var url: String?
            var metadata: JSONValue?
        }
        var _scroll_id: String?
        var hits: Hits
    }

    static let fields = [
        "document_id", "generation", "bucket", "key", "title", "text", "headings", "page_numbers", "page_offsets",
        "tenant", "format", "language", "flags", "quality", "chunk_index", "chunk_count", "tokens", "char_start",
        "char_end", "content_hash", "parent_index", "last_modified", "author", "url", "metadata",
    ]

    init(_ item: ResponseBody.Item, score: Double? = nil) {
        let source = item._source
        self.score = score ?? item._score ?? 0
        index = item._index
        documentID = DocumentID(source.document_id)
        generation = source.generation
        object = ObjectReference(bucket: source.bucket, key: source.key)
        title = source.title ?? ""
        text = source.text ?? ""
        headings = source.headings ?? []
        tenant = source.tenant ?? ""
        format = source.format ?? ""
        language = source.language ?? ""
        flags = source.flags ?? []
        quality = source.quality
        chunk = source.chunk_index ?? 0
        chunkCount = source.chunk_count ?? 0
        tokens = source.tokens ?? 0
        let start = max(0, source.char_start ?? 0)
        characters = start..<max(start, source.char_end ?? 0)
        contentHash = source.content_hash ?? ""
        parent = source.parent_index
        lastModified = source.last_modified ?? ""
        author = source.author ?? ""
        url = source.url ?? ""
        metadata = source.metadata?.json ?? []
        // The forms of the language's words mark more than the words themselves.
        highlights =
            item.highlight.flatMap { $0.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.value } ?? []
        pages = zip(source.page_numbers ?? [], source.page_offsets ?? []).map { PagePart(number: $0, offset: $1) }
    }
}
