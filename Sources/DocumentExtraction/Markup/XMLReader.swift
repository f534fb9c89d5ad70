import ExtractionWire

/// XML: articles and books in JATS, TEI and DocBook as documents, feeds as their entries, anything else as values under their paths.
enum XMLReader {
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let handler = XMLHandler(limit: limits.textBytes)
        try TextDecoder.withPage(bytes, hints: hints) { (text) throws(Rejection) in
            try MarkupParser.parseXML(text, handler: handler)
        }
        var document = try handler.builder.document(.xml, title: handler.title, limits: limits)
        document.author = handler.authors.joined(separator: ", ")
        document.language = handler.language
        return document
    }
}

/// What an element of a known vocabulary means.
enum XMLRole {
    case inline
    case block
    case title
    case listItem
    case row
    case cell
    case code
    /// A person's name among the authors.
    case author
    /// A part that is about the document or its publication, and no text of it.
    case about
    case section

    /// Root elements in small letters: training data of GROBID begin with "tei".
    static let vocabularies: Set<String> = [
        "article", "tei", "tei.2", "teicorpus", "book", "chapter", "section", "rss", "feed", "rdf", "refentry", "html",
        "document", "doc", "sect1",
        "part", "preface", "appendix", "glossary", "dita", "topic", "concept", "task", "reference",
    ]

    init(_ name: String) {
        self =
            switch name {
            case "title", "article-title", "head", "subtitle", "trans-title", "refentrytitle": .title
            case "italic", "bold", "sub", "sup", "xref", "ref", "hi", "emphasis", "ext-link", "link", "email", "uri",
                "sc", "monospace", "named-content",
                "rs", "i", "b", "u", "em", "strong", "a", "code", "quote", "q", "abbr", "term", "styled-content",
                "underline", "literal", "filename",
                "command", "option", "ulink", "phrase", "acronym", "citetitle", "inline-formula", "formula", "persName",
                "forename", "surname", "given-names",
                "name", "year", "volume", "issue", "fpage", "lpage", "source", "pub-id", "label", "date", "biblScope",
                "idno", "span", "br", "lb",
                "string-name", "person-group", "etal", "month", "day", "publisher-name", "publisher-loc":
                .inline
            case "list-item", "item", "listitem", "member", "biblStruct", "bibl", "mixed-citation", "element-citation",
                "citation", "li":
                .listItem
            case "row", "tr": .row
            case "cell", "entry", "td", "th": .cell
            case "programlisting", "screen", "preformat", "pre", "eg": .code
            case "contrib", "author": .author
            case "journal-meta", "teiHeader", "article-id", "pub-date", "permissions", "history", "author-notes",
                "counts", "processing-meta",
                "article-categories", "custom-meta-group", "funding-group", "related-article", "kwd-group", "aff",
                "guid", "pubDate", "self-uri", "language",
                "generator", "ttl", "docs", "lastBuildDate":
                .about
            case "sec", "section", "div", "chapter", "sect1", "sect2", "sect3", "sect4", "refsect1", "refsection",
                "app":
                .section
            default: .block
            }
    }
}
