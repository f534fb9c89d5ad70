import FoundationEssentials
import OpenSearch
import TextCoding

/// Walks the whole ledger.
package struct LedgerWalk: Sendable {
    package var client: OpenSearchClient
    package var names: IndexNames

    package init(client: OpenSearchClient, names: IndexNames) {
        self.client = client
        self.names = names
    }

    private struct ResponseBody: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable {
            var _id: String
            var _source: StoredRecord
        }
        var _scroll_id: String?
        var hits: Hits
    }

    /// Refreshes first, so that everything written before is seen.
    ///
    /// - Returns: the ids of records that cannot be read.
    package func forEach(_ body: (DocumentRecord) -> Void) async throws -> [String] {
        var unreadable: [String] = []
        _ = try await client.send("POST", "/\(names.ledger)/_refresh")
        let query = JSONWriter.object { json in
            json.field("size", 1000)
            json.object("query") { query in query.object("term") { $0.field("index", names.chunks) } }
        }
        var response = try await client.send("POST", "/\(names.ledger)/_search", query: [("scroll", "1m")], body: query)
        while true {
            let page = try client.decode(ResponseBody.self, response)
            for item in page.hits.hits {
                if let record = item._source.record { body(record) } else { unreadable.append(item._id) }
            }
            guard !page.hits.hits.isEmpty, let scroll = page._scroll_id else { return unreadable }
            let next = JSONWriter.object {
                $0.field("scroll", "1m")
                $0.field("scroll_id", scroll)
            }
            response = try await client.send("POST", "/_search/scroll", body: next)
        }
    }
}
