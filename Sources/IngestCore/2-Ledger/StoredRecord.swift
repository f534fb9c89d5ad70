/// A record as the ledger's index holds it. Whoever may write to the index can damage one: that costs its own document.
package struct StoredRecord: Decodable, Sendable {
    /// Nil where it cannot be read, or holds numbers that no worker writes.
    package let record: DocumentRecord?

    package init(from decoder: any Decoder) throws {
        let decoded = try? DocumentRecord(from: decoder)
        record = decoded?.isPlausible == true ? decoded : nil
    }

    package static func unreadable(_ id: String, in index: String) -> String {
        "the record \(id) of the ledger \(index) cannot be read: restore it from a snapshot, or delete it and send its object again (ingest-worker --replay)"
    }
}

extension DocumentRecord {
    /// More chunks than CHUNK_MAX_COUNT can allow are none of ours.
    package static let chunkCounts = 0...1_000_000
    /// Beyond what numbers in JSON keep (RFC 8259 §6): no document has so many generations.
    package static let generations = 0...1 << 53

    /// Counts and generations are added to, and are the ends of ranges.
    fileprivate var isPlausible: Bool {
        let generations =
            [newest, live?.generation, pending?.generation].compactMap(\.self) + retired.map(\.generation)
            + rejected.map(\.generation)
        let counts = [live?.chunkCount, pending?.chunkCount].compactMap(\.self) + retired.map(\.chunkCount)
        return generations.allSatisfy(Self.generations.contains)
            && counts.allSatisfy(Self.chunkCounts.contains)
            && (0..<Int.max / 2).contains(touches)
    }
}
