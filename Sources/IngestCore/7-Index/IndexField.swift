import TextCoding

/// A field of the chunks' index: what readers may rely on. `docs/index.md` is generated from the list.
package struct IndexField: Sendable {
    package enum Kind: String, Sendable {
        case keyword
        case integer
        case long
        case text
        case date
    }

    package var name: String
    package var kind: Kind
    package var meaning: String
    /// A clause of a query with the field.
    package var example: String

    init(_ name: String, _ kind: Kind, _ meaning: String, example: String = "") {
        (self.name, self.kind, self.meaning, self.example) = (name, kind, meaning, example)
    }

    /// Raised with every change that a reader could notice.
    package static let contractVersion = 2

    /// All but the vector and the words of each language.
    package static let all: [IndexField] = identity + content + place + about + search

    private static let identity = [
        IndexField(
            "document_id",
            .keyword,
            "hash of tenant, bucket and key; also the routing value",
            example: #"{"term": {"document_id": "…"}}"#
        ),
        IndexField(
            "generation",
            .long,
            "version of the document that the chunk belongs to; the ledger says which is live",
            example: #"{"term": {"generation": 7}}"#
        ),
        IndexField("tenant", .keyword, "whose document it is", example: #"{"term": {"tenant": "acme"}}"#),
        IndexField("bucket", .keyword, "bucket of the object", example: #"{"term": {"bucket": "papers"}}"#),
        IndexField("key", .keyword, "key of the object", example: #"{"prefix": {"key": "reports/2026/"}}"#),
        IndexField(
            "source",
            .keyword,
            "`s3://bucket/key`",
            example: #"{"term": {"source": "s3://papers/a.pdf"}}"#
        ),
        IndexField(
            "url",
            .keyword,
            "where people read it: the attribute `url` of its metadata",
            example: #"{"exists": {"field": "url"}}"#
        ),
        IndexField(
            "access",
            .keyword,
            "who may see it, where ACCESS is on; `*` is everyone",
            example: #"{"terms": {"access": ["*", "finance"]}}"#
        ),
        IndexField("etag", .keyword, "ETag of the object's content"),
        IndexField("fingerprint", .keyword, "hash of the settings that chunks and vectors depend on"),
        IndexField(
            "indexed_at",
            .date,
            "when the chunk was written",
            example: #"{"range": {"indexed_at": {"gte": "now-1d"}}}"#
        ),
        IndexField(
            "last_modified",
            .date,
            "when the object was last modified, as S3 says",
            example: #"{"range": {"last_modified": {"gte": "2026-01-01"}}}"#
        ),
    ]

    private static let content = [
        IndexField(
            "text",
            .text,
            "the chunk's text: exactly the document's words, standard analyzer",
            example: #"{"match_phrase": {"text": "pilot boat"}}"#
        ),
        IndexField(
            "context",
            .text,
            "what stands before the text where it is embedded or words are matched: title, headings, the head of a table"
        ),
        IndexField(
            "title",
            .text,
            "title of the document; `title.keyword` is exact",
            example: #"{"term": {"title.keyword": "Annual report"}}"#
        ),
        IndexField(
            "headings",
            .text,
            "headings above the text, outermost first",
            example: #"{"match": {"headings": "tariff"}}"#
        ),
        IndexField("content_hash", .keyword, "hash of what was embedded: equal hashes have equal vectors"),
        IndexField("tokens", .integer, "cl100k_base tokens of the text"),
    ]

    private static let place = [
        IndexField("chunk_index", .integer, "place among the document's chunks, from 0"),
        IndexField("chunk_count", .integer, "how many chunks the version has"),
        IndexField("char_start", .integer, "where the text begins in the document's text, in Unicode code points"),
        IndexField("char_end", .integer, "where it ends"),
        IndexField(
            "page_start",
            .integer,
            "first page, from 1; missing for formats without pages",
            example: #"{"range": {"page_start": {"lte": 12}}}"#
        ),
        IndexField("page_end", .integer, "last page"),
        IndexField("page_numbers", .integer, "every page of the chunk"),
        IndexField("page_offsets", .integer, "where each of these pages begins in the text, in code points"),
        IndexField(
            "parent_index",
            .integer,
            "CHUNK_STRATEGY=parent-child: the larger chunk that it is a part of, from 0",
            example: #"{"term": {"parent_index": 3}}"#
        ),
        IndexField("parent_start", .integer, "where that one begins, as `char_start`"),
        IndexField("parent_end", .integer, "where it ends"),
    ]

    private static let about = [
        IndexField(
            "format",
            .keyword,
            "pdf, docx, html and so on",
            example: #"{"terms": {"format": ["pdf", "docx"]}}"#
        ),
        IndexField(
            "language",
            .keyword,
            "BCP 47 tag, declared by the document or detected from its text; empty where neither is clear",
            example: #"{"term": {"language": "de"}}"#
        ),
        IndexField("author", .keyword, "as the document states it"),
        IndexField(
            "created",
            .date,
            "as the document states it; a value that is no date is kept, and not found",
            example: #"{"range": {"created": {"gte": "2020"}}}"#
        ),
        IndexField("modified", .date, "as `created`"),
        IndexField(
            "quality",
            .integer,
            "how much the text looks like text, in percent",
            example: #"{"range": {"quality": {"gte": 60}}}"#
        ),
        IndexField(
            "left_out",
            .integer,
            "share of the source's characters that is not in the text, in percent"
        ),
        IndexField(
            "flags",
            .keyword,
            "hidden_text, needs_ocr, ocr and so on (docs/extraction.md)",
            example: #"{"term": {"flags": "ocr"}}"#
        ),
        IndexField("links", .keyword, "targets of links, the first 20"),
        IndexField("attachments", .keyword, "names of attachments, the first 20"),
        IndexField("outline", .keyword, "bookmarks, the first 20"),
    ]

    private static let search = [
        IndexField(
            "words",
            .text,
            "context and text together, standard analyzer; not stored (`copy_to`)",
            example: #"{"match": {"words": "pilot boat"}}"#
        )
    ]

    /// - Parameter isPlain: on a server without analyzers.
    func write(_ fields: inout JSONWriter, matchesContext: Bool, isPlain: Bool) {
        fields.object(name) { field in
            Self.type(kind.rawValue, &field)
            switch kind {
            case .date:
                if name == "created" || name == "modified" || name == "last_modified" {
                    field.field("ignore_malformed", true)
                }
            case .text:
                if name == "text" || name == "context" && matchesContext { field.field("copy_to", ["words"]) }
                if name == "words", !isPlain {
                    field.field("analyzer", "standard")
                    field.field("search_analyzer", WordAnalyzer.questionWords)
                }
                if name == "title" {
                    field.object("fields") { fields in
                        fields.object("keyword") { Self.type("keyword", &$0) }
                    }
                }
            case .keyword, .integer, .long: break
            }
        }
    }

    /// Lucene refuses a term above 32,766 bytes, and with it the chunk; a character has at most 4.
    static func type(_ name: String, _ field: inout JSONWriter) {
        field.field("type", name)
        if name == "keyword" { field.field("ignore_above", 8191) }
    }
}
