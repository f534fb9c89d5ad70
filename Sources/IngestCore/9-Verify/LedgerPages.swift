import FoundationEssentials
import OpenSearch
import Resilience
import TextCoding

/// The ledger's records of a scope, ordered by key, a page at a time.
struct LedgerPages: Sendable {
    let client: OpenSearchClient
    let names: IndexNames
    let bucket: String
    let scope: KeyScope
    private static let size = 1000

    struct Item: Sendable {
        var key: String
        var id: String
        /// Nil where it cannot be read.
        var record: DocumentRecord?
    }

    private struct ResponseBody: Decodable {
        struct Hits: Decodable { var hits: [Hit] }
        struct Hit: Decodable {
            var _id: String
            var _source: StoredRecord
            var sort: [String]
        }
        var hits: Hits
    }

    /// - Parameter last: where the page before ended.
    func next(after last: [String]?) async throws -> (items: [Item], last: [String]?) {
        let body = JSONWriter.object { json in
            json.field("size", Self.size)
            json.key("sort")
            json.array { sort in
                for field in ["key", "tenant"] { sort.object { $0.field(field, "asc") } }
            }
            if let last { json.field("search_after", last) }
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        filters.object { $0.object("term") { $0.field("index", names.chunks) } }
                        scope.write(bucket: bucket, &filters)
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(names.ledger)/_search", of: .ledger, body: body)
        let hits = try client.decode(ResponseBody.self, response, of: .ledger).hits.hits
        let items = hits.map { Item(key: $0.sort.first ?? "", id: $0._id, record: $0._source.record) }
        return (items, hits.count < Self.size ? nil : hits.last?.sort)
    }
}
