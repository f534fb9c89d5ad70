import Resilience

/// The records of all documents, changed by compare-and-set only.
package protocol Ledger: Sendable {
    /// The record, or a version that says that there is none.
    func read(_ id: String) async throws -> VersionedRecord
    /// Writes if the record still has the version that was read.
    func write(_ id: String, _ record: DocumentRecord, over version: RecordVersion) async throws -> WriteOutcome
    /// The tenants under which an index has records of an object. What was written in the last seconds may be missing.
    func tenants(of object: ObjectReference, index: String) async throws -> [String]
}

package struct VersionedRecord: Equatable, Sendable {
    package var record: DocumentRecord?
    package var version: RecordVersion

    package init(record: DocumentRecord?, version: RecordVersion) {
        self.record = record
        self.version = version
    }
}

/// OpenSearch's sequence number and primary term of a document, or that it does not exist.
package enum RecordVersion: Equatable, Sendable {
    case absent
    case at(sequence: Int, term: Int)
}

package enum WriteOutcome: Equatable, Sendable {
    case written(RecordVersion)
    /// Another worker wrote first.
    case conflict
}

extension Ledger {
    /// Reads, applies `change` and writes until no conflict is in the way. `change` returns nil when there is nothing to write.
    ///
    /// - Returns: what was written, or nil when `change` declined, with the record it saw.
    package func update(
        _ id: String,
        _ change: (DocumentRecord) -> DocumentRecord?
    ) async throws -> (written: DocumentRecord?, seen: DocumentRecord?) {
        for _ in 0..<Self.attempts {
            let read = try await read(id)
            guard let record = read.record, let changed = change(record) else { return (nil, read.record) }
            if case .written = try await write(id, changed, over: read.version) { return (changed, record) }
        }
        throw Failure.transient(
            "the ledger record \(id) changed \(Self.attempts) times while it was written",
            of: .ledger
        )
    }

    /// Each conflict means that another worker has made progress with the same document: so many in a row do not happen.
    private static var attempts: Int { 100 }
}
