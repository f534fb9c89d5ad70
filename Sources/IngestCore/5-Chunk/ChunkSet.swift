import TextCoding

/// A document's chunks as they travel, decoded one by one: a document of 20,000 chunks is not in memory as 20,000 records.
package struct ChunkSet: Sendable {
    private let bytes: [UInt8]
    private let ranges: [Range<Int>]

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
        guard let chunk = try? ChunkPayload(decoding: Array(bytes[ranges[index]])), chunk.index == index,
            chunk.tokens >= 0
        else { throw ChunkHandoff.Loss.corrupt }
        return chunk
    }

    package func chunks(_ indexes: some Sequence<Int>) throws -> [ChunkPayload] { try indexes.map { try chunk($0) } }
}
