import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// How many hits, found how, among which documents.
struct SearchOptions: Sendable {
    var limit: Int
    var mode: ChunkSearch.Mode
    /// Chunks before and after each hit.
    var expand: Int
    var collapsesCopies: Bool
    var filter = SearchFilter()
    var depth: Int
    /// Nil for what `setup` stored.
    var join: SearchJoin?
    /// From when, and before when, the object was last modified.
    private var (since, before): (TimeSelection?, TimeSelection?)

    static let limitSetting = Setting.number("LIMIT", "n", "maximum number of hits", default: 5, in: 1...100)
        .asFlagOnly
    static let modeSetting = Setting.choice(
        "MODE",
        ChunkSearch.Mode.allCases.map(\.rawValue),
        "search by text, by vector, or both",
        default: "hybrid"
    ).asFlagOnly
    private static let expandSetting = Setting.number(
        "EXPAND",
        "n",
        "print so many chunks before and after each hit; with CHUNK_STRATEGY=sentence-window 2 if unset, with parent-child always the larger chunk",
        defaultText: "0",
        in: 0...20
    ).asFlagOnly
    private static let collapse = Setting.toggle("COLLAPSE", "of chunks with the same text print only the best")
        .asFlagOnly
    private static let below = Setting.text(
        "BELOW",
        "s3://bucket/prefix",
        "only documents of this bucket, below this prefix",
        default: ""
    ).asFlagOnly
    private static let format = Setting.text(
        "FORMAT",
        "name,…",
        "only documents of these formats (pdf, html)",
        default: ""
    )
    .asFlagOnly
    private static let language = Setting.text(
        "LANGUAGE",
        "tag,…",
        "only documents that declare one of these languages (en, de-AT)",
        default: ""
    ).asFlagOnly
    private static let flag = Setting.text("FLAG", "name,…", "only documents with all of these flags", default: "")
        .asFlagOnly
    private static let withoutFlag = Setting.text(
        "WITHOUT_FLAG",
        "name,…",
        "no documents with one of these flags (needs_ocr)",
        default: ""
    ).asFlagOnly
    private static let quality = Setting.number(
        "LEAST_QUALITY",
        "percent",
        "only documents whose text looks like text at least as much",
        default: 0,
        in: 0...100
    ).asFlagOnly

    private static let sinceSetting = Setting.text(
        "SINCE",
        "time",
        "only documents whose object was last modified then or later (2026-01-31T10:00:00Z, 7d)",
        default: ""
    ).asFlagOnly
    private static let beforeSetting = Setting.text(
        "BEFORE",
        "time",
        "only documents whose object was last modified before that",
        default: ""
    ).asFlagOnly

    private static let metadata = Setting.text(
        "METADATA_IS",
        "name=value,…",
        "only documents with all of these attributes (department=finance)",
        default: ""
    ).asFlagOnly
    private static let groups = Setting.text(
        "GROUPS",
        "name,…",
        "only documents whose access list has one of these, or everyone (ACCESS)",
        default: ""
    ).asFlagOnly

    static let declarations =
        [
            metadata.declaration, groups.declaration, limitSetting.declaration, modeSetting.declaration,
            expandSetting.declaration, collapse.declaration,
            below.declaration, format.declaration, language.declaration, flag.declaration, withoutFlag.declaration,
            quality.declaration, sinceSetting.declaration, beforeSetting.declaration, Settings.depth.declaration,
        ] + Settings.joining + RerankOptions.declarations

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration) {
        limit = reader.read(Self.limitSetting)
        mode = ChunkSearch.Mode(rawValue: reader.read(Self.modeSetting)) ?? .hybrid
        let usual = common.chunking.strategy == .sentenceWindow ? 2 : 0
        expand = reader.read(Self.expandSetting) ?? usual
        depth = reader.read(Settings.depth)
        join = SearchJoin(&reader)
        since = TimeSelection(&reader, Self.sinceSetting)
        before = TimeSelection(&reader, Self.beforeSetting)
        collapsesCopies = reader.read(Self.collapse)
        // A tenant that is named is the only one whose documents are found; without a name all are.
        if reader.isSet(Settings.tenant) { filter.tenant = reader.read(Settings.tenant) }
        let below = reader.read(Self.below)
        if !below.isEmpty {
            if let address = ObjectAddress(below) {
                (filter.bucket, filter.keyPrefix) = (address.bucket, address.key)
            } else {
                reader.usage("--below is no s3://bucket/prefix: \"\(below.printable)\"")
            }
        }
        filter.formats = Self.list(reader.read(Self.format))
        filter.languages = Self.list(reader.read(Self.language))
        filter.flags = Self.list(reader.read(Self.flag))
        filter.withoutFlags = Self.list(reader.read(Self.withoutFlag))
        filter.metadata = Self.list(reader.read(Self.metadata)).compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                reader.usage("--metadata-is has no name=value: \"\(pair.printable)\"")
                return nil
            }
            return (parts[0], parts[1])
        }
        if reader.isSet(Self.groups) { filter.groups = Self.list(reader.read(Self.groups)) }
        filter.leastQuality = reader.read(Self.quality)
    }

    func question(_ text: String, _ vector: [Float], at now: Timestamp) -> ChunkSearch.Question {
        var question = ChunkSearch.Question(text: text, vector: vector, limit: limit)
        question.filter = filter
        question.filter.modifiedSince = since?.start(now).iso8601 ?? ""
        question.filter.modifiedBefore = before?.start(now).iso8601 ?? ""
        (question.collapsesCopies, question.marksWords) = (collapsesCopies, true)
        (question.depth, question.join) = (depth, join)
        return question
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmed) }.filter { !$0.isEmpty }
    }
}
