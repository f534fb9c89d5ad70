import AsyncPrimitives
import ExtractionWire
import IngestCore
import Resilience
import TextCoding

/// Objects in memory; an ETag is the content's hash.
package final class InMemoryObjectStore: ObjectStore {
    private let objects = LockedValue([ObjectReference: [UInt8]]())
    private let reads = LockedValue(0)

    package init() {}

    private let times = LockedValue([ObjectReference: Timestamp]())

    fileprivate var contents: [ObjectReference: [UInt8]] { objects.withLock { $0 } }
    fileprivate func modified(_ object: ObjectReference) -> Timestamp {
        times.withLock { $0[object] } ?? Timestamp(milliseconds: 1_600_000_000_000)
    }
    package func date(_ object: ObjectReference, _ time: Timestamp) { times.withLock { $0[object] = time } }
    package var bodiesRead: Int { reads.withLock { $0 } }
    package var keys: [ObjectReference] { objects.withLock { $0.keys.sorted { $0.key < $1.key } } }
    package func put(_ object: ObjectReference, _ text: String) { objects.withLock { $0[object] = Array(text.utf8) } }
    package func remove(_ object: ObjectReference) { objects.withLock { _ = $0.removeValue(forKey: object) } }
    package static func etag(_ bytes: [UInt8]) -> String { Hex.string(Digest.sha256(bytes).prefix(16)) }

    package func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
        guard let bytes = objects.withLock({ $0[object] }) else { return .missing }
        let etag = Self.etag(bytes)
        if etag == known { return .unchanged }
        reads.withLock { $0 += 1 }
        let file = try TemporaryFile(folder: "/tmp")
        _ = bytes.withUnsafeBytes { file.write($0) }
        return .object(StoredObject(file: file, bytes: bytes.count, etag: etag, contentType: "text/plain"))
    }

    package func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]? {
        objects.withLock { $0[object] }
    }
    package func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws {
        objects.withLock { $0[object] = bytes }
    }
    package func delete(_ object: ObjectReference) async throws { remove(object) }
}

extension InMemoryObjectStore: ObjectListing {
    /// Objects are as old as the start of virtual time, but those that `age` says something of.
    package func page(bucket: String, prefix: String, after start: String?, limit: Int) async throws -> ObjectPage {
        let below = contents.filter { object, _ in
            object.bucket == bucket && object.key.utf8.starts(with: prefix.utf8)
                && (start.map { $0.utf8.lexicographicallyPrecedes(object.key.utf8) } ?? true)
        }.sorted { $0.key.key.utf8.lexicographicallyPrecedes($1.key.key.utf8) }
        let entries = below.prefix(limit).map { object, bytes in
            ObjectPage.Entry(
                key: object.key,
                bytes: bytes.count,
                etag: Self.etag(bytes),
                lastModified: modified(object).iso8601
            )
        }
        return ObjectPage(entries: entries, next: below.count > limit ? "more" : nil)
    }
}

/// How far replays are, in memory.
package final class InMemoryCheckpoints: ReplayCheckpoints {
    private let all = LockedValue([String: ReplayCheckpoint]())
    private let count = LockedValue(0)

    package init() {}

    package var writes: Int { count.withLock { $0 } }
    package func read(_ replay: String) async throws -> ReplayCheckpoint? { all.withLock { $0[replay] } }
    package func write(_ checkpoint: ReplayCheckpoint) async throws {
        count.withLock { $0 += 1 }
        all.withLock { $0[checkpoint.replay] = checkpoint }
    }
}

/// Records in memory with real compare-and-set.
package final class InMemoryLedger: Ledger {
    private let records = LockedValue([String: (record: DocumentRecord, sequence: Int)]())
    /// Called before a write is looked at: another writer may be faster.
    private let interruption = LockedValue((@Sendable () -> Void)?.none)
    private let conflicts = LockedValue(0)

    package init() {}

    package func record(_ id: String) -> DocumentRecord? { records.withLock { $0[id]?.record } }
    package func put(_ id: String, _ record: DocumentRecord) { records.withLock { $0[id] = (record, 1) } }
    package var all: [DocumentRecord] { records.withLock { $0.values.map(\.record) } }
    /// So many writes find that another writer was faster.
    package func conflict(nextWrites count: Int) { conflicts.withLock { $0 = count } }
    package var conflictsLeft: Int { conflicts.withLock { $0 } }
    package func interruptNextWrite(_ body: @escaping @Sendable () -> Void) { interruption.withLock { $0 = body } }

    package func read(_ id: String) async throws -> VersionedRecord {
        records.withLock { records in
            guard let entry = records[id] else { return VersionedRecord(record: nil, version: .absent) }
            return VersionedRecord(record: entry.record, version: .at(sequence: entry.sequence, term: 1))
        }
    }

    package func tenants(of object: ObjectReference, index: String) async throws -> [String] {
        all.filter { $0.object == object && $0.index == index }.map(\.tenant).sorted()
    }

    package func write(_ id: String, _ record: DocumentRecord, over version: RecordVersion) async throws -> WriteOutcome
    {
        let interruption = interruption.withLock { held in
            defer { held = nil }
            return held
        }
        interruption?()
        let isConflict = conflicts.withLock { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        if isConflict { return .conflict }
        return records.withLock { records in
            let current = records[id].map { RecordVersion.at(sequence: $0.sequence, term: 1) } ?? .absent
            guard current == version else { return .conflict }
            let next = (records[id]?.sequence ?? 0) + 1
            records[id] = (record, next)
            return .written(.at(sequence: next, term: 1))
        }
    }
}

/// Chunks in memory.
package final class InMemoryIndex: ChunkIndex {
    private struct State {
        var chunks: [String: IndexedChunk] = [:]
        var tenants: [DocumentID: String] = [:]
        var writesLeft = Int.max
        var refusal: Rejection?
    }

    private let state = LockedValue(State())

    package init() {}

    package var ids: Set<String> { state.withLock { Set($0.chunks.keys) } }
    package func texts(_ generation: Int) -> [String] {
        state.withLock { state in
            state.chunks.values.filter { $0.generation == generation }.sorted { $0.chunk.index < $1.chunk.index }.map(
                \.chunk.text
            )
        }
    }
    /// After so many more chunks every write fails, as if the process had died.
    package func fail(afterChunks count: Int) { state.withLock { $0.writesLeft = count } }
    package func refuse(_ rejection: Rejection?) { state.withLock { $0.refusal = rejection } }

    package func create(_ chunks: [IndexedChunk], _ header: ChunkMessage.Header) async throws {
        try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            for chunk in chunks {
                guard state.writesLeft > 0 else { throw Failure.transient("the index does not answer") }
                state.writesLeft -= 1
                state.tenants[chunk.documentID] = header.tenant
                if state.chunks[chunk.id] == nil { state.chunks[chunk.id] = chunk }
            }
        }
    }

    package func delete(_ document: DocumentID, generation: Int, count: Int) async throws {
        state.withLock { state in
            for index in 0..<count { state.chunks.removeValue(forKey: IndexedChunk.id(document, generation, index)) }
        }
    }

    package func hashes(_ document: DocumentID, generation: Int, count: Int) async throws -> [Int: String] {
        found(document, generation, Array(0..<count)).mapValues(\.chunk.contentHash)
    }

    package func vectors(_ document: DocumentID, generation: Int, chunks: [Int]) async throws -> [Int: [Float]] {
        found(document, generation, chunks).mapValues(\.vector)
    }

    package func vectors(ofHashes hashes: [String], tenant: String) async throws -> [String: [Float]] {
        state.withLock { state in
            let theirs = state.chunks.values.filter { state.tenants[$0.documentID] == tenant }
            let pairs = theirs.filter { hashes.contains($0.chunk.contentHash) }.map {
                ($0.chunk.contentHash, $0.vector)
            }
            return Dictionary(pairs) { first, _ in first }
        }
    }

    private func found(_ document: DocumentID, _ generation: Int, _ indexes: [Int]) -> [Int: IndexedChunk] {
        state.withLock { state in
            var found: [Int: IndexedChunk] = [:]
            for index in indexes { found[index] = state.chunks[IndexedChunk.id(document, generation, index)] }
            return found
        }
    }
}
