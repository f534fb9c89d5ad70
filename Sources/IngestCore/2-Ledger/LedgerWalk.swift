import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
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

    private struct BucketsBody: Decodable {
        struct Aggregations: Decodable { var buckets: Terms }
        struct Terms: Decodable { var buckets: [Term] }
        struct Term: Decodable { var key: String }
        var aggregations: Aggregations
    }

    /// The buckets of which the ledger has records, at most 1,000.
    package func buckets() async throws -> [String] {
        _ = try await client.send("POST", "/\(names.ledger)/_refresh", of: .ledger)
        let body = JSONWriter.object { json in
            json.field("size", 0)
            json.object("query") { query in query.object("term") { $0.field("index", names.chunks) } }
            json.object("aggs") { aggregations in
                aggregations.object("buckets") { buckets in
                    buckets.object("terms") {
                        $0.field("field", "bucket")
                        $0.field("size", 1000)
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(names.ledger)/_search", of: .ledger, body: body)
        let found = try client.decode(BucketsBody.self, response, of: .ledger).aggregations.buckets.buckets
        return found.map(\.key).filter { !$0.isEmpty }
    }

    private struct CountsBody: Decodable {
        struct Total: Decodable { var value: Int }
        struct Hits: Decodable { var total: Total }
        struct Filter: Decodable { var doc_count: Int }
        struct Number: Decodable { var value: Double? }
        struct Aggregations: Decodable {
            var live: Filter
            var pending: Filter
            var oldest: Number
        }
        var hits: Hits
        var aggregations: Aggregations
    }

    /// All records, documents that readers see, and versions on their way: counted by the server.
    package func counts() async throws -> LedgerCounts {
        let refreshed = try await client.send("POST", "/\(names.ledger)/_refresh", of: .ledger, accepting: [404])
        guard refreshed.isSuccess else { return LedgerCounts() }
        let body = JSONWriter.object { json in
            json.field("size", 0)
            json.field("track_total_hits", true)
            json.object("query") { query in query.object("term") { $0.field("index", names.chunks) } }
            json.object("aggs") { aggregations in
                aggregations.object("live") { live in
                    live.object("filter") { filter in
                        filter.object("range") { $0.object("live.chunkCount") { $0.field("gt", 0) } }
                    }
                }
                aggregations.object("oldest") { $0.object("min") { $0.field("field", "pending.since") } }
                aggregations.object("pending") { pending in
                    pending.object("filter") { filter in
                        filter.object("exists") { $0.field("field", "pending.generation") }
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(names.ledger)/_search", of: .ledger, body: body)
        let found = try client.decode(CountsBody.self, response, of: .ledger)
        var counts = LedgerCounts()
        counts.records = found.hits.total.value
        counts.live = found.aggregations.live.doc_count
        counts.pending = found.aggregations.pending.doc_count
        counts.oldestPending = found.aggregations.oldest.value.flatMap { Int64(exactly: $0) }
            .flatMap(Timestamp.init(checkedMilliseconds:))
        return counts
    }

    /// Refreshes first, so that everything written before is seen.
    ///
    /// - Returns: the ids of records that cannot be read.
    package func forEach(_ body: (DocumentRecord) -> Void) async throws -> [String] {
        try await forEachEntry { body($1) }
    }

    /// The same with the ids.
    package func forEachEntry(_ body: (String, DocumentRecord) -> Void) async throws -> [String] {
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
                if let record = item._source.record { body(item._id, record) } else { unreadable.append(item._id) }
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

/// What the ledger holds of one index, as the server counts it.
package struct LedgerCounts: Equatable, Sendable {
    package var records = 0
    /// Documents that readers see.
    package var live = 0
    /// Versions on their way, and since when the oldest of them.
    package var pending = 0
    package var oldestPending: Timestamp?

    package init() {}
}
