import AsyncPrimitives
import FoundationEssentials
import OpenSearch
import Resilience
import TextCoding

/// The ledger as an OpenSearch index. Reads and writes of many documents go together: one request each a few milliseconds.
package struct OpenSearchLedger: Ledger {
    package let index: String
    private let client: OpenSearchClient
    private let reads: RequestBatcher<String, VersionedRecord>
    private let writes: RequestBatcher<BulkOperation, BulkResult>

    package init(index: String, client: OpenSearchClient, time: any TimeSource) {
        self.index = index
        self.client = client
        let limits = RequestBatcher<String, VersionedRecord>.Limits(
            count: 100,
            linger: .milliseconds(3),
            concurrency: 4
        )
        reads = RequestBatcher(limits, time: time) { ids in await Self.read(ids, index, client) }
        let writeLimits = RequestBatcher<BulkOperation, BulkResult>.Limits(
            count: 100,
            linger: .milliseconds(3),
            concurrency: 4
        )
        writes = RequestBatcher(writeLimits, time: time) { operations in
            await client.bulk(operations, of: .ledger)
        }
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
        let action = BulkOperation.Action(source, over: version)
        switch try await writes.submit(BulkOperation(action, index: index, id: id)) {
        case .done(let sequence, let term): return .written(.at(sequence: sequence, term: term))
        // A record that is gone was changed by another worker, too.
        case .conflict, .missing: return .conflict
        }
    }

    private struct Tenants: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable { var _source: Source }
        struct Source: Decodable { var tenant: String }
        var hits: Hits
    }

    package func tenants(of object: ObjectReference, index physical: String) async throws -> [String] {
        let body = JSONWriter.object { json in
            json.field("size", 1000)
            json.field("_source", ["tenant"])
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        for (name, value) in [("key", object.key), ("bucket", object.bucket), ("index", physical)] {
                            filters.object { $0.object("term") { $0.field(name, value) } }
                        }
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(index)/_search", of: .ledger, body: body)
        return try client.decode(Tenants.self, response, of: .ledger).hits.hits.map(\._source.tenant)
    }

    /// Deletes a record that still has this version. False when another worker wrote first.
    package func remove(_ id: String, at version: RecordVersion) async throws -> Bool {
        guard case .at(let sequence, let term) = version else { return true }
        let removal = BulkOperation(.remove(sequence: sequence, term: term), index: index, id: id)
        switch try await writes.submit(removal) {
        case .done, .missing: return true
        case .conflict: return false
        }
    }

    /// Succeeds when records can be read and written. The write expects a version that no record has, so that it changes nothing; the node
    /// checks the mapping, the blocks of the index and the role before it finds the conflict. Not in a batch: it may be called before `run`.
    package func probe(at time: Timestamp) async throws {
        _ = try await Self.read([Self.probeID], index, client).first?.get()
        let object = ObjectReference(bucket: "probe", key: "probe")
        let record = DocumentRecord(tenant: "probe", object: object, index: "probe", created: time)
        let source = Array(try JSONEncoder().encode(record))
        let action = BulkOperation.Action(source, over: .at(sequence: 0, term: 1))
        let operation = BulkOperation(action, index: index, id: Self.probeID)
        _ = try await client.bulk([operation], of: .ledger).first?.get()
    }

    /// No document has this id: others have 40 hexadecimal digits.
    private static let probeID = "probe"

    private struct ResponseBody: Decodable {
        struct Document: Decodable {
            struct Cause: Decodable {
                var type: String?
                var reason: String?
            }
            var _id: String
            var found: Bool?
            var _seq_no: Int?
            var _primary_term: Int?
            var _source: StoredRecord?
            var error: Cause?
        }
        var docs: [Document]
    }

    private static func read(_ ids: [String], _ index: String, _ client: OpenSearchClient) async -> [Result<
        VersionedRecord, any Error
    >] {
        let body = JSONWriter.object { $0.field("ids", ids) }
        do {
            let response = try await client.send("POST", "/\(index)/_mget", of: .ledger, body: body)
            let parsed = try client.decode(ResponseBody.self, response, of: .ledger)
            guard parsed.docs.count == ids.count else { throw client.unexpected(response, of: .ledger) }
            return parsed.docs.map { document in
                if let error = document.error {
                    let reason = (error.reason ?? "").prefix(200)
                    let text = "the ledger \(index): \(error.type ?? ""): \(reason)"
                    return .failure(ItemFailure.ofRead(type: error.type ?? "", text, of: .ledger))
                }
                guard document.found == true, let stored = document._source else {
                    return .success(VersionedRecord(record: nil, version: .absent))
                }
                guard let record = stored.record else {
                    return .failure(Failure.transient(StoredRecord.unreadable(document._id, in: index)))
                }
                let version = RecordVersion.at(sequence: document._seq_no ?? 0, term: document._primary_term ?? 0)
                return .success(VersionedRecord(record: record, version: version))
            }
        } catch {
            return ids.map { _ in .failure(error) }
        }
    }
}

extension BulkOperation.Action {
    /// Writes what must still have this version.
    init(_ source: [UInt8], over version: RecordVersion) {
        switch version {
        case .absent: self = .create(source: source)
        case .at(let sequence, let term): self = .replace(source: source, sequence: sequence, term: term)
        }
    }
}
