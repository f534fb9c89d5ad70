import TextCoding

/// A document's chunks as they travel, decoded one by one: a document of 20,000 chunks is not in memory as 20,000 records.
package struct ChunkSet: Sendable {
    private let bytes: [UInt8]
    private let ranges: [Range<Int>]
    /// A chunk has fewer tokens than CHUNK_TOKENS allows, and a text fewer characters than the index's integers hold.
    private static let maximumTokens = 1 << 16
    private static let maximumOffset = Int(Int32.max)

    /// - Throws: `JSONError` where the bytes are not a list.
    package init(decoding bytes: [UInt8]) throws {
        var ranges: [Range<Int>] = []
        var scanner = JSONScanner(bytes)
        try scanner.array { ranges.append(try $0.range()) }
        self.bytes = bytes
        self.ranges = ranges
    }

    package var count: Int { ranges.count }

    /// - Throws: `ChunkHandoff.Loss.corrupt` where there is something else.
    package func chunk(_ index: Int) throws -> ChunkPayload {
        guard ranges.indices.contains(index), let chunk = try? ChunkPayload(decoding: Array(bytes[ranges[index]])),
            chunk.index == index, (0...Self.maximumTokens).contains(chunk.tokens),
            (0...Self.maximumOffset).contains(chunk.characterStart),
            (chunk.characterStart...Self.maximumOffset).contains(chunk.characterEnd),
            (0...Self.maximumTokens).contains(chunk.contextTokens),
            chunk.parent.map({
                (0...Self.maximumOffset).contains($0.index) && $0.characters.upperBound <= Self.maximumOffset
            }) ?? true,
            chunk.pages.allSatisfy({
                (0...Self.maximumOffset).contains($0.number) && (0...Self.maximumOffset).contains($0.offset)
            })
        else { throw ChunkHandoff.Loss.corrupt }
        return chunk
    }

    package func chunks(_ indexes: some Sequence<Int>) throws -> [ChunkPayload] { try indexes.map { try chunk($0) } }
}
