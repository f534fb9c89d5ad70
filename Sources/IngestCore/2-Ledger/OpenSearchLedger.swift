import FoundationEssentials

/// The ledger as an OpenSearch index. Reads and writes of many documents go together: one request each a few milliseconds.
package struct OpenSearchLedger: Ledger {
    package let index: String
    private let reads: Coalescer<String, VersionedRecord>
    private let writes: Coalescer<BulkOperation, BulkResult>

    package init(index: String, client: OpenSearchClient, time: any TimeSource) {
        self.index = index
        let limits = Coalescer<String, VersionedRecord>.Limits(count: 100, linger: .milliseconds(3), concurrency: 4)
        reads = Coalescer(limits, time: time) { ids in await Self.read(ids, index, client) }
        let writeLimits = Coalescer<BulkOperation, BulkResult>.Limits(
            count: 100,
            linger: .milliseconds(3),
            concurrency: 4
        )
        writes = Coalescer(writeLimits, time: time) { operations in await client.bulk(operations) }
    }

    /// Must be running for reads and writes to finish.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await reads.run() }
            group.addTask { await writes.run() }
        }
    }

    package func read(_ id: String) async throws -> VersionedRecord { try await reads.submit(id) }

    package func write(_ id: String, _ record: DocumentRecord, over version: RecordVersion) async throws -> WriteOutcome
    {
        let source = Array(try JSONEncoder().encode(record))
        let action: BulkOperation.Action =
            switch version {
            case .absent: .create(source: source)
            case .at(let sequence, let term): .replace(source: source, sequence: sequence, term: term)
            }
        switch try await writes.submit(BulkOperation(action, index: index, id: id)) {
        case .done(let sequence, let term): return .written(.at(sequence: sequence, term: term))
        // A record that is gone has been changed by somebody, too.
        case .conflict, .missing: return .conflict
        }
    }

    /// Forgets a record that still has this version. False when somebody wrote first.
    package func remove(_ id: String, at version: RecordVersion) async throws -> Bool {
        guard case .at(let sequence, let term) = version else { return true }
        let removal = BulkOperation(.remove(sequence: sequence, term: term), index: index, id: id)
        switch try await writes.submit(removal) {
        case .done, .missing: return true
        case .conflict: return false
        }
    }

    private struct Answer: Decodable {
        struct Document: Decodable {
            struct Cause: Decodable {
                var type: String?
                var reason: String?
            }
            var _id: String
            var found: Bool?
            var _seq_no: Int?
            var _primary_term: Int?
            var _source: DocumentRecord?
            var error: Cause?
        }
        var docs: [Document]
    }

    private static func read(_ ids: [String], _ index: String, _ client: OpenSearchClient) async -> [Result<
        VersionedRecord, any Error
    >] {
        let body = JSONWriter.object { $0.field("ids", ids) }
        do {
            let response = try await client.send("POST", "/\(index)/_mget", body: body)
            let answer = try client.decode(Answer.self, response)
            guard answer.docs.count == ids.count else {
                throw Failure.transient("the ledger \(index) answered for other documents")
            }
            return answer.docs.map { document in
                if let error = document.error {
                    let text = "the ledger \(index): \(error.type ?? ""): \(error.reason ?? "")"
                    return .failure(
                        error.type == "index_not_found_exception" ? Failure.fleet(text) : Failure.transient(text)
                    )
                }
                guard document.found == true, let record = document._source else {
                    return .success(VersionedRecord(record: nil, version: .absent))
                }
                let version = RecordVersion.at(sequence: document._seq_no ?? 0, term: document._primary_term ?? 0)
                return .success(VersionedRecord(record: record, version: version))
            }
        } catch {
            return ids.map { _ in .failure(error) }
        }
    }
}
