import FoundationEssentials
import OpenSearch
import Resilience
import TextCoding

/// Removes what no worker can: chunks by what they say, where no id of a generation leads to them, and records that cannot be read.
package struct DamageRemoval: Sendable {
    private let client: OpenSearchClient
    private let names: IndexNames

    package init(client: OpenSearchClient, names: IndexNames) {
        self.client = client
        self.names = names
    }

    /// No worker reads or writes such a record.
    func remove(unreadable id: String) async throws {
        let operation = BulkOperation(.delete, index: names.ledger, id: id)
        _ = try await client.bulk([operation], of: .ledger).first?.get()
    }

    private struct ResponseBody: Decodable {
        var deleted: Int?
        var failures: [JSONValue]?
    }

    /// Chunks of a generation from number `first` on.
    ///
    /// - Returns: how many there were.
    func remove(_ document: DocumentID, generation: Int, from first: Int) async throws -> Int {
        try await remove { filters in
            filters.object { $0.object("term") { $0.field("document_id", document.description) } }
            filters.object { $0.object("term") { $0.field("generation", generation) } }
            filters.object { filter in
                filter.object("range") { range in range.object("chunk_index") { $0.field("gte", first) } }
            }
        }
    }

    /// Every chunk of an object, of whatever generation, and of one tenant where it is named.
    package func remove(object: ObjectReference, tenant: String) async throws -> Int {
        try await remove { filters in
            var terms = [("bucket", object.bucket), ("key", object.key)]
            if !tenant.isEmpty { terms.append(("tenant", tenant)) }
            for (name, value) in terms { filters.object { $0.object("term") { $0.field(name, value) } } }
        }
    }

    private func remove(_ filters: (inout JSONWriter) -> Void) async throws -> Int {
        let body = JSONWriter.object { json in
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters(&$0) }
                }
            }
        }
        let options = [("refresh", "true"), ("conflicts", "proceed")]
        let response = try await client.send("POST", "/\(names.chunks)/_delete_by_query", query: options, body: body)
        let result = try client.decode(ResponseBody.self, response)
        guard result.failures?.isEmpty ?? true else {
            throw Failure.transient("OpenSearch could not delete some chunks of \(names.chunks)", of: .index)
        }
        return result.deleted ?? 0
    }
}
