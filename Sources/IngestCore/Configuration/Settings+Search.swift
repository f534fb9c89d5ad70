import CommandLineOptions
import TextCoding

/// How documents are cut, and how they are searched.
extension Settings {
    // Part of the fingerprint: the same for both workers and `ingestctl`.
    package static let chunkStrategy = Setting.choice(
        "CHUNK_STRATEGY",
        ChunkingSettings.Strategy.allCases.map(\.rawValue),
        "how documents are cut: by their `structure`, into equal `tokens`, by `page`; `sentence-window` and `parent-child` find small chunks and return what is around them",
        default: "structure"
    ).inFingerprint
    package static let chunkTokens = Setting.number(
        "CHUNK_TOKENS",
        "n",
        "maximum tokens per chunk",
        defaultText: "256; 128 for sentence-window and parent-child",
        in: 16...8191
    ).inFingerprint
    package static let chunkOverlap = Setting.number(
        "CHUNK_OVERLAP",
        "n",
        "maximum overlap with the previous chunk, in tokens; sentence-window and parent-child have none",
        defaultText: "an eighth of CHUNK_TOKENS, at most 32",
        in: 0...4096
    ).inFingerprint
    package static let parentTokens = Setting.number(
        "CHUNK_PARENT_TOKENS",
        "n",
        "with parent-child: maximum tokens of the larger chunks",
        default: 1024,
        in: 16...65_536
    ).inFingerprint
    package static let chunkContext = Setting.choice(
        "CHUNK_CONTEXT",
        ChunkingSettings.Context.allCases.map(\.rawValue),
        "where title, heading path and table head stand before a chunk's text: in what is embedded, in what words are matched with, both or none",
        default: "both"
    ).inFingerprint
    package static let wordAnalyzers = Setting.choice(
        "WORD_ANALYZERS",
        ["language", "standard"],
        "how words are matched: by the analyzer of the document's `language` beside the standard one, or by the `standard` one alone",
        default: "language"
    ).inFingerprint

    package static let metadata = Setting.text(
        "METADATA",
        "sources",
        "what becomes `metadata` of a document: S3's `user` metadata, its `tags`, and the `sidecar` KEY.metadata.json (as Amazon Bedrock has it); the later replaces the earlier. Empty: none",
        default: "user,tags,sidecar"
    ).inFingerprint
    package static let metadataFields = Setting.text(
        "METADATA_FIELDS",
        "name:type,…",
        "attributes that can be searched by their type (keyword, text, long, integer, double, boolean, date); empty: all, as keywords",
        default: ""
    ).inFingerprint
    package static let access = Setting.choice(
        "ACCESS",
        MetadataSettings.Access.allCases.map(\.rawValue),
        "who sees a document without an access list: everyone (`open`) or no one (`closed`); `off`: documents have no access lists",
        default: "off"
    ).inFingerprint
    package static let accessAttribute = Setting.text(
        "ACCESS_ATTRIBUTE",
        "name",
        "attribute that lists who may see a document: a list, or names apart by commas",
        default: "access"
    ).inFingerprint

    package static let chunking: [SettingDeclaration] = [
        chunkStrategy.declaration, chunkTokens.declaration, chunkOverlap.declaration, parentTokens.declaration,
        chunkContext.declaration, wordAnalyzers.declaration, metadata.declaration, metadataFields.declaration,
        access.declaration, accessAttribute.declaration,
    ]

    package static let join = Setting.choice(
        "SEARCH_JOIN",
        SearchJoin.Technique.allCases.map(\.rawValue),
        "how hybrid search joins words and vectors; `setup` stores it for all readers",
        default: "min-max"
    )
    package static let vectorWeight = Setting.number(
        "SEARCH_VECTOR_WEIGHT",
        "%",
        "weight of the vectors in hybrid search; the words have the rest",
        default: 50,
        in: 0...100
    )
    package static let depth = Setting.number(
        "SEARCH_DEPTH",
        "n",
        "candidates of each half of a hybrid search, whatever the limit",
        default: ChunkSearch.Question.defaultDepth,
        in: 10...1000
    )

    package static let joining: [SettingDeclaration] = [join.declaration, vectorWeight.declaration]
}

extension ChunkingSettings {
    init(_ reader: inout SettingsReader) {
        self.init()
        strategy = Strategy(rawValue: reader.read(Settings.chunkStrategy)) ?? .structure
        tokens = reader.read(Settings.chunkTokens) ?? Self.defaultTokens(strategy)
        let overlap = reader.read(Settings.chunkOverlap) ?? min(32, tokens / 8)
        self.overlap = strategy.isSmallToLarge ? 0 : overlap
        parentTokens = reader.read(Settings.parentTokens)
        context = Context(rawValue: reader.read(Settings.chunkContext)) ?? .both
        usesLanguageAnalyzers = reader.read(Settings.wordAnalyzers) == "language"
        if overlap * 2 > tokens { reader.problem("CHUNK_OVERLAP is more than half of CHUNK_TOKENS") }
        if strategy == .parentChild, parentTokens < tokens {
            reader.problem("CHUNK_PARENT_TOKENS is less than CHUNK_TOKENS")
        }
    }
}

extension MetadataSettings {
    init(_ reader: inout SettingsReader) {
        self.init()
        let names = reader.read(Settings.metadata).split(separator: ",").map { String($0.trimmed) }
        let known = names.compactMap(Source.init(rawValue:))
        if known.count != names.count { reader.problem("METADATA has other names than user, tags and sidecar") }
        sources = Source.allCases.filter(known.contains)
        fields = reader.read(Settings.metadataFields).filter { $0 != " " }
        if Self.declared(fields) == nil {
            reader.problem("METADATA_FIELDS are not names with types, such as department:keyword,year:integer")
        }
        access = Access(rawValue: reader.read(Settings.access)) ?? .off
        accessAttribute = reader.read(Settings.accessAttribute)
        if access != .off, accessAttribute.isEmpty || accessAttribute.contains(".") {
            reader.problem("ACCESS_ATTRIBUTE is no name of an attribute: \"\(accessAttribute.printable)\"")
        }
    }

    /// Of a registered pipeline; those of an earlier version had none.
    package init(registered settings: [String: String]) {
        self.init()
        sources = (settings["METADATA"] ?? "").split(separator: ",").compactMap { Source(rawValue: String($0)) }
        fields = settings["METADATA_FIELDS"] ?? ""
        access = Access(rawValue: settings["ACCESS"] ?? "") ?? .off
        accessAttribute = settings["ACCESS_ATTRIBUTE"] ?? accessAttribute
    }
}

extension SearchJoin {
    /// Nil where nothing is set: then what `setup` stored holds.
    package init?(_ reader: inout SettingsReader) {
        let technique = Technique(rawValue: reader.read(Settings.join)) ?? .minMax
        self.init(technique, vectorWeight: reader.read(Settings.vectorWeight))
        guard reader.isSet(Settings.join) || reader.isSet(Settings.vectorWeight) else { return nil }
    }
}
