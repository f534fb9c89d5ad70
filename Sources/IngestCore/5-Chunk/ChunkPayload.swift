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

    package static func decode(_ bytes: [UInt8]) throws -> [ChunkPayload] {
        var scanner = JSONScanner(bytes)
        var chunks: [ChunkPayload] = []
        try scanner.array { scanner in
            var chunk = ChunkPayload()
            try scanner.object { scanner, key in
                switch key {
                case "i": chunk.index = try scanner.integer()
                case "text": chunk.text = try scanner.string()
                case "tokens": chunk.tokens = try scanner.integer()
                case "from": chunk.characterStart = try scanner.integer()
                case "to": chunk.characterEnd = try scanner.integer()
                case "pages": chunk.pages = try pages(&scanner)
                case "headings": try scanner.array { chunk.headings.append(try $0.string()) }
                case "hash": chunk.contentHash = try scanner.string()
                default: try scanner.skip()
                }
            }
            chunks.append(chunk)
        }
        return chunks
    }

    /// Numbers and offsets in turn.
    private static func pages(_ scanner: inout JSONScanner) throws -> [PagePart] {
        var values: [Int] = []
        try scanner.array { values.append(try $0.integer()) }
        return stride(from: 0, to: values.count - 1, by: 2).map { PagePart(number: values[$0], offset: values[$0 + 1]) }
    }

    private init() {
        (index, text, tokens, characterStart, characterEnd, pages, headings, contentHash) = (0, "", 0, 0, 0, [], [], "")
    }
}
