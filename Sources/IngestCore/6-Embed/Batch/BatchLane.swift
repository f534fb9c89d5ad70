import AsyncPrimitives
import Observability

/// Where versions of a replay wait for a batch, and where its vectors are found. What it knows is in the cluster and in the hand-off bucket: a worker
/// that ends loses nothing.
package struct BatchLane: Sendable {
    let records: any BatchRecords
    let store: any ObjectStore
    let bucket: String
    /// Ends with a slash.
    let prefix: String
    let dimensions: Int
    /// More than the results of a batch may have.
    private static let largest = 64 << 20

    package init(records: any BatchRecords, store: any ObjectStore, bucket: String, prefix: String, dimensions: Int) {
        self.records = records
        self.store = store
        self.bucket = bucket
        self.prefix = prefix
        self.dimensions = dimensions
    }

    /// Puts the version aside; its message may be acknowledged then, and its payload stays. Again for one that is there: nothing.
    func put(aside work: EmbedWork, chunks: [Int], at now: Timestamp) async throws {
        var entry = BatchEntry(
            index: work.header.index,
            recordID: work.recordID,
            generation: work.generation,
            message: work.job.first.body,
            chunks: chunks,
            since: now
        )
        (entry.trace, entry.tenant) = (work.job.first.trace, work.header.tenant)
        _ = try await records.add(entry)
    }

    /// What a batch left for the version; nil where there is nothing, or nothing that can be read.
    func vectors(_ recordID: String, _ generation: Int) async throws -> BatchVectors? {
        let bytes = try await store.readBytes(object(recordID, generation), maximum: Self.largest)
        return bytes.flatMap { BatchVectors($0, dimensions: dimensions) }
    }

    func write(_ vectors: BatchVectors, of entry: BatchEntry) async throws {
        try await store.write(object(entry.recordID, entry.generation), vectors.encoded())
    }

    /// The version is done.
    func discard(_ recordID: String, _ generation: Int) async throws {
        try await store.delete(object(recordID, generation))
    }

    private func object(_ recordID: String, _ generation: Int) -> ObjectReference {
        ObjectReference(bucket: bucket, key: "\(prefix)batches/\(recordID)/\(generation).vectors")
    }
}
