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

    package init(_ chunk: Chunk) {
        index = chunk.index
        text = chunk.text
        tokens = chunk.tokens
        characterStart = chunk.characters.lowerBound
        characterEnd = chunk.characters.upperBound
        pages = chunk.pages
        headings = chunk.headings
        contentHash = chunk.contentHash
    }

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

    /// For probes of the index.
    init(probe text: String) {
        self.init()
        self.text = text
    }

    private init() {
        (index, text, tokens, characterStart, characterEnd, pages, headings, contentHash) = (0, "", 0, 0, 0, [], [], "")
    }
}
