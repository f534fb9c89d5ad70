import TextCoding

/// A chunk as it travels between the workers.
package struct ChunkPayload: Equatable, Sendable {
    package var index: Int
    package var text: String
    package var tokens: Int
    package var characterStart: Int
    package var characterEnd: Int
    package var pages: [PagePart]
    package var headings: [String]
    package var contentHash: String
    /// What stands before the text where it is embedded or where words are matched; empty where nothing does.
    package var context = ""
    /// cl100k_base tokens of the context and the empty line behind it; 0 where it is not embedded.
    package var contextTokens = 0
    package var parent: ChunkParent?

    package init(_ chunk: Chunk) {
        index = chunk.index
        text = chunk.text
        tokens = chunk.tokens
        characterStart = chunk.characters.lowerBound
        characterEnd = chunk.characters.upperBound
        pages = chunk.pages
        headings = chunk.headings
        contentHash = chunk.contentHash
        context = chunk.context.text
        contextTokens = chunk.embedsContext ? chunk.context.tokens : 0
        parent = chunk.parent
    }

    /// What the provider gets.
    package var embeddedText: String { ContextLines.joined(contextTokens > 0 ? context : "", text) }
    package var embeddedTokens: Int { contextTokens + tokens }

    /// What words are matched with, besides the text's own field.
    package func matched(withContext: Bool) -> String { ContextLines.joined(withContext ? context : "", text) }

    /// All chunks of a document as JSON.
    package static func encode(_ chunks: [ChunkPayload]) -> [UInt8] {
        var writer = JSONWriter(capacity: chunks.reduce(64) { $0 + $1.text.utf8.count + 256 })
        writer.array { array in
            for chunk in chunks {
                array.object { json in
                    json.field("i", chunk.index)
                    json.field("text", chunk.text)
                    json.field("tokens", chunk.tokens)
                    json.field("from", chunk.characterStart)
                    json.field("to", chunk.characterEnd)
                    if !chunk.pages.isEmpty { json.field("pages", chunk.pages.flatMap { [$0.number, $0.offset] }) }
                    if !chunk.headings.isEmpty { json.field("headings", chunk.headings) }
                    json.field("hash", chunk.contentHash)
                    if !chunk.context.isEmpty { json.field("context", chunk.context) }
                    if chunk.contextTokens > 0 { json.field("contextTokens", chunk.contextTokens) }
                    if let parent = chunk.parent {
                        json.field(
                            "parent",
                            [parent.index, parent.characters.lowerBound, parent.characters.upperBound]
                        )
                    }
                }
            }
        }
        return writer.bytes
    }

    /// - Throws: `JSONError` where the bytes are not a chunk.
    init(decoding bytes: [UInt8]) throws {
        self.init()
        var scanner = JSONScanner(bytes)
        try scanner.object { scanner, key in
            switch key {
            case "i": index = try scanner.integer()
            case "text": text = try scanner.string()
            case "tokens": tokens = try scanner.integer()
            case "from": characterStart = try scanner.integer()
            case "to": characterEnd = try scanner.integer()
            case "pages": pages = try Self.pages(&scanner)
            case "headings": try scanner.array { headings.append(try $0.string()) }
            case "hash": contentHash = try scanner.string()
            case "context": context = try scanner.string()
            case "contextTokens": contextTokens = try scanner.integer()
            case "parent": parent = try Self.parent(&scanner)
            default: try scanner.skip()
            }
        }
    }

    /// Numbers and offsets in turn.
    private static func pages(_ scanner: inout JSONScanner) throws -> [PagePart] {
        var values: [Int] = []
        try scanner.array { values.append(try $0.integer()) }
        return stride(from: 0, to: values.count - 1, by: 2).map { PagePart(number: values[$0], offset: values[$0 + 1]) }
    }

    private static func parent(_ scanner: inout JSONScanner) throws -> ChunkParent? {
        var values: [Int] = []
        try scanner.array { values.append(try $0.integer()) }
        guard values.count == 3, values[1] >= 0, values[1] <= values[2] else { throw ChunkHandoff.Loss.corrupt }
        return ChunkParent(index: values[0], characters: values[1]..<values[2])
    }

    /// For probes of the index.
    init(probe text: String) {
        self.init()
        self.text = text
    }

    private init() {
        (index, text, tokens, characterStart, characterEnd, pages, headings, contentHash) = (0, "", 0, 0, 0, [], [], "")
    }
}
