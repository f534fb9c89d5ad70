import AsyncPrimitives
import TextCoding

/// A version whose texts wait for a batch, or are in one: its chunk message, put aside.
package struct BatchEntry: Equatable, Sendable, Codable {
    /// The pipeline's index.
    package var index: String
    package var recordID: String
    package var generation: Int
    /// The chunk message as it was received; empty in a listing.
    package var message: String
    /// The trace that it belongs to, and whose it is, for the message that goes back.
    package var trace: String?
    package var tenant = ""
    /// The chunks that need a vector, by their places.
    package var chunks: [Int]
    package var since: Timestamp
    /// The batch that it is in; nil while it waits for one.
    package var batch: String?
    /// Batches that ended without its vectors.
    package var failures = 0

    package init(index: String, recordID: String, generation: Int, message: String, chunks: [Int], since: Timestamp) {
        self.index = index
        self.recordID = recordID
        self.generation = generation
        self.message = message
        self.chunks = chunks
        self.since = since
    }

    package var id: String { "entry-\(recordID)-\(generation)" }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        index = try fields.decode(String.self, forKey: .index)
        recordID = try fields.decode(String.self, forKey: .recordID)
        generation = try fields.decode(Int.self, forKey: .generation)
        message = try fields.decodeIfPresent(String.self, forKey: .message) ?? ""
        trace = try fields.decodeIfPresent(String.self, forKey: .trace)
        tenant = try fields.decodeIfPresent(String.self, forKey: .tenant) ?? ""
        chunks = try fields.decode([Int].self, forKey: .chunks)
        since = try fields.decode(Timestamp.self, forKey: .since)
        batch = try fields.decodeIfPresent(String.self, forKey: .batch)
        failures = min(max(try fields.decodeIfPresent(Int.self, forKey: .failures) ?? 0, 0), 1 << 20)
    }
}

/// A batch on its way. It is written before the provider has it, so that a worker that takes over finds it, or creates it.
package struct BatchRecord: Equatable, Sendable, Codable {
    package var index: String
    /// Random; the provider keeps it with the batch.
    package var name: String
    /// What it holds, in the order of its requests.
    package var entries: [String]
    package var created: Timestamp
    /// The provider's names.
    package var inputFile: String?
    package var batch: String?

    package init(index: String, name: String, entries: [String], created: Timestamp) {
        self.index = index
        self.name = name
        self.entries = entries
        self.created = created
    }

    package var id: String { "batch-\(name)" }
}

/// Where entries and batches are kept.
package protocol BatchRecords: Sendable {
    /// False where the entry is there already.
    func add(_ entry: BatchEntry) async throws -> Bool
    func entry(_ id: String) async throws -> BatchEntry?
    func write(_ entry: BatchEntry) async throws
    /// Entries of a pipeline that are in no batch, those that wait longest first, without their messages.
    func waiting(_ index: String, limit: Int) async throws -> [BatchEntry]
    func batches(_ index: String) async throws -> [BatchRecord]
    func write(_ batch: BatchRecord) async throws
    func remove(_ id: String) async throws
}
