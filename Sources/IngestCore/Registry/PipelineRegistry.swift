import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// Every pipeline of the cluster, of all aliases: `ingest-fleet-pipelines`, one document each, changed by compare-and-set.
package struct PipelineRegistry: Sendable {
    package static let index = "ingest-fleet-pipelines"
    private let client: OpenSearchClient
    private static let maximum = 1000
    private static let attempts = 20

    package init(client: OpenSearchClient) { self.client = client }

    package struct Entry: Equatable, Sendable {
        package var record: PipelineRecord
        var version: RecordVersion
    }

    /// Makes the registry where there is none.
    package func create(replicas: Int) async throws {
        let fields = ["alias": "keyword", "index": "keyword", "state": "keyword"]
        try await RegistryIndex(name: Self.index, fields: fields).create(client, replicas: replicas)
    }

    private struct Listing: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable { var _source: Readable<PipelineRecord> }
        var hits: Hits
    }

    /// All that can be read, ordered by alias and age. Empty where there is no registry.
    package func all() async throws -> [PipelineRecord] {
        let refreshed = try await client.send("POST", "/\(Self.index)/_refresh", accepting: [404])
        guard refreshed.isSuccess else { return [] }
        let body = JSONWriter.object { json in
            json.field("size", Self.maximum)
            json.object("query") { $0.object("match_all") { _ in } }
        }
        let response = try await client.send("POST", "/\(Self.index)/_search", body: body)
        return try client.decode(Listing.self, response).hits.hits.compactMap(\._source.value).sorted {
            ($0.alias, $0.created, $0.index) < ($1.alias, $1.created, $1.index)
        }
    }

    private struct Found: Decodable {
        struct Document: Decodable {
            var found: Bool?
            var _seq_no: Int?
            var _primary_term: Int?
            var _source: PipelineRecord?
        }
        var docs: [Document]
    }

    /// The record as it is now. Nil where there is none.
    package func entry(_ index: String) async throws -> Entry? {
        let body = JSONWriter.object { $0.field("ids", [index]) }
        let response = try await client.send("POST", "/\(Self.index)/_mget", body: body, accepting: [404])
        guard response.isSuccess else { return nil }
        guard let document = try client.decode(Found.self, response).docs.first, document.found == true,
            let record = document._source
        else { return nil }
        let version = RecordVersion.at(sequence: document._seq_no ?? 0, term: document._primary_term ?? 0)
        return Entry(record: record, version: version)
    }

    /// False when another wrote first.
    private func write(_ record: PipelineRecord, over version: RecordVersion) async throws -> Bool {
        let source = Array(try JSONEncoder().encode(record))
        let action = BulkOperation.Action(source, over: version)
        return try await perform(action, record.index)
    }

    private func perform(_ action: BulkOperation.Action, _ id: String) async throws -> Bool {
        let operation = BulkOperation(action, index: Self.index, id: id)
        switch try await client.bulk([operation], of: .index).first?.get() {
        case .done, .missing: return true
        case .conflict, nil: return false
        }
    }

    /// Applies `change` to the record, or to none, until no conflict is in the way; nil declines.
    @discardableResult package func update(_ index: String, _ change: (PipelineRecord?) throws -> PipelineRecord?)
        async throws -> PipelineRecord?
    {
        for _ in 0..<Self.attempts {
            let entry = try await entry(index)
            guard let changed = try change(entry?.record) else { return entry?.record }
            if changed == entry?.record { return changed }
            if try await write(changed, over: entry?.version ?? .absent) { return changed }
        }
        throw Failure.transient("the registry's record of \(index) changed \(Self.attempts) times while it was written")
    }

    package func remove(_ index: String) async throws {
        while let entry = try await entry(index) {
            guard case .at(let sequence, let term) = entry.version else { return }
            if try await perform(.remove(sequence: sequence, term: term), index) { return }
        }
    }
}
