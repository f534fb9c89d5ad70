import ExtractionWire

/// Vectors of a version's chunks, as a batch left them: an object beside the version's chunk payload.
///
/// Little-endian: the number of vectors and their dimensions (4 bytes each), then for each the chunk's place (4 bytes), the tokens billed (4 bytes) and its floats.
package struct BatchVectors: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package var tokens: Int
        package var vector: [Float]

        package init(tokens: Int, vector: [Float]) { (self.tokens, self.vector) = (tokens, vector) }
    }

    /// By chunk.
    package var entries: [Int: Entry]

    package init(_ entries: [Int: Entry]) { self.entries = entries }

    package func encoded() -> [UInt8] {
        let dimensions = entries.values.first?.vector.count ?? 0
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + entries.count * (8 + dimensions * 4))
        func append(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        append(UInt32(entries.count))
        append(UInt32(dimensions))
        for (chunk, entry) in entries.sorted(by: { $0.key < $1.key }) {
            append(UInt32(chunk))
            append(UInt32(clamping: entry.tokens))
            for value in entry.vector { append(value.bitPattern) }
        }
        return bytes
    }

    /// Nil where the bytes are none, or the vectors have other dimensions.
    package init?(_ bytes: [UInt8], dimensions: Int) {
        var position = 0
        func next() -> UInt32? {
            guard position + 4 <= bytes.count else { return nil }
            defer { position += 4 }
            return bytes.withUnsafeBytes {
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            }
        }
        guard let count = next().map(Int.init), let found = next().map(Int.init),
            count <= DocumentRecord.chunkCounts.upperBound, found == dimensions || count == 0,
            bytes.count == 8 + count * (8 + found * 4)
        else { return nil }
        entries = [:]
        for _ in 0..<count {
            guard let chunk = next(), let tokens = next() else { return nil }
            let vector = (0..<dimensions).compactMap { _ in next().map(Float.init(bitPattern:)) }
            guard vector.count == dimensions, vector.allSatisfy(\.isFinite) else { return nil }
            entries[Int(chunk)] = Entry(tokens: Int(tokens), vector: vector)
        }
    }
}
