import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// Entries and batches in the cluster: `ingest-fleet-batches`, for all pipelines.
package struct OpenSearchBatchRecords: BatchRecords {
    package static let index = "ingest-fleet-batches"
    /// Batches of a pipeline that are open at the same time, at most.
    private static let mostBatches = 200
    private let client: OpenSearchClient

    package init(client: OpenSearchClient) { self.client = client }

    package func create(replicas: Int) async throws {
        let fields = [
            "kind": "keyword", "index": "keyword", "recordID": "keyword", "since": "long", "batch": "keyword",
        ]
        try await RegistryIndex(name: Self.index, fields: fields).create(client, replicas: replicas)
    }

    /// Either of the two, with the word that tells them apart.
    private struct Stored<Value: Encodable>: Encodable {
        var kind: String
        var value: Value

        private enum CodingKeys: CodingKey { case kind }

        func encode(to encoder: any Encoder) throws {
            try value.encode(to: encoder)
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(kind, forKey: .kind)
        }
    }

    /// One that is damaged is none: it costs its own version.
    private struct Found: Decodable { var _source: Readable<BatchEntry>? }

    private struct Listing<Value: Decodable & Sendable>: Decodable {
        struct Hits: Decodable { var hits: [Hit] }
        struct Hit: Decodable { var _source: Readable<Value> }
        var hits: Hits
    }

    package func add(_ entry: BatchEntry) async throws -> Bool {
        let body = Array(try JSONEncoder().encode(Stored(kind: "entry", value: entry)))
        let path = "/\(Self.index)/_create/\(entry.id)"
        return try await client.send("PUT", path, body: body, accepting: [409]).isSuccess
    }

    package func entry(_ id: String) async throws -> BatchEntry? {
        let response = try await client.send("GET", "/\(Self.index)/_doc/\(id)", accepting: [404])
        guard response.isSuccess else { return nil }
        return try client.decode(Found.self, response)._source?.value
    }

    package func write(_ entry: BatchEntry) async throws { try await write("entry", entry.id, entry) }

    package func write(_ batch: BatchRecord) async throws { try await write("batch", batch.id, batch) }

    private func write(_ kind: String, _ id: String, _ value: some Encodable) async throws {
        let body = Array(try JSONEncoder().encode(Stored(kind: kind, value: value)))
        _ = try await client.send("PUT", "/\(Self.index)/_doc/\(id)", body: body)
    }

    package func remove(_ id: String) async throws {
        _ = try await client.send("DELETE", "/\(Self.index)/_doc/\(id)", accepting: [404])
    }

    package func waiting(_ index: String, limit: Int) async throws -> [BatchEntry] {
        try await search("entry", index, waits: true, limit: limit)
    }

    package func batches(_ index: String) async throws -> [BatchRecord] {
        try await search("batch", index, limit: Self.mostBatches)
    }

    /// Entries of one document, whatever their state: for `ingestctl forget`.
    package func remove(of recordID: String) async throws {
        _ = try await client.send("POST", "/\(Self.index)/_refresh", accepting: [404])
        let body = JSONWriter.object { json in
            json.object("query") { query in query.object("term") { $0.field("recordID", recordID) } }
        }
        let query = [("conflicts", "proceed")]
        let path = "/\(Self.index)/_delete_by_query"
        _ = try await client.send("POST", path, query: query, body: body, accepting: [404])
    }

    private func search<Value: Decodable & Sendable>(
        _ kind: String,
        _ index: String,
        waits: Bool = false,
        limit: Int
    ) async throws -> [Value] {
        let refreshed = try await client.send("POST", "/\(Self.index)/_refresh", accepting: [404])
        guard refreshed.isSuccess else { return [] }
        let body = JSONWriter.object { json in
            json.field("size", limit)
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        for (field, value) in [("kind", kind), ("index", index)] {
                            filters.object { filter in filter.object("term") { $0.field(field, value) } }
                        }
                    }
                    guard waits else { return }
                    bool.object("must_not") { not in not.object("exists") { $0.field("field", "batch") } }
                }
            }
            guard waits else { return }
            json.key("sort")
            json.array { $0.object { $0.field("since", "asc") } }
            // Messages may hold their chunks.
            json.object("_source") { $0.field("excludes", ["message"]) }
        }
        let response = try await client.send("POST", "/\(Self.index)/_search", body: body)
        return try client.decode(Listing<Value>.self, response).hits.hits.compactMap(\._source.value)
    }
}
