import FoundationEssentials
import OpenSearch
import Resilience
import TextCoding

/// Documents of one index by state, for a person: a page at a time, ordered by bucket and key.
package struct LedgerListing: Sendable {
    package enum State: String, CaseIterable, Sendable {
        case all
        case live
        case pending
        case rejected
        case flagged
        case deleted
    }

    package struct Filter: Equatable, Sendable {
        package var state: State
        package var prefix = ""
        package var tenant = ""
        package var reason = ""

        package init(state: State) { self.state = state }
    }

    package struct Page: Sendable {
        package var records: [DocumentRecord]
        package var total: Int
        /// Bucket, key and tenant of the last record; nil on the last page.
        package var last: [String]?
    }

    private let client: OpenSearchClient
    private let names: IndexNames
    private static let size = 50

    package init(client: OpenSearchClient, names: IndexNames) {
        self.client = client
        self.names = names
    }

    private struct ResponseBody: Decodable {
        struct Total: Decodable { var value: Int }
        struct Hit: Decodable {
            var _source: StoredRecord
            var sort: [String]
        }
        struct Hits: Decodable {
            var total: Total
            var hits: [Hit]
        }
        var hits: Hits
    }

    package func page(_ filter: Filter, after last: [String]?) async throws -> Page {
        _ = try await client.send("POST", "/\(names.ledger)/_refresh", of: .ledger)
        let body = JSONWriter.object { json in
            json.field("size", Self.size)
            json.field("track_total_hits", true)
            json.key("sort")
            json.array { sort in
                for field in ["bucket", "key", "tenant"] { sort.object { $0.field(field, "asc") } }
            }
            if let last { json.field("search_after", last) }
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { Self.filters(filter, names.chunks, &$0) }
                    bool.key("must_not")
                    bool.array { Self.exclusions(filter.state, &$0) }
                }
            }
        }
        let response = try await client.send("POST", "/\(names.ledger)/_search", of: .ledger, body: body)
        let found = try client.decode(ResponseBody.self, response, of: .ledger).hits
        return Page(
            records: found.hits.compactMap(\._source.record),
            total: found.total.value,
            last: found.hits.count < Self.size ? nil : found.hits.last?.sort
        )
    }

    private static func filters(_ filter: Filter, _ index: String, _ filters: inout JSONWriter) {
        func term(_ field: String, _ value: String) {
            filters.object { $0.object("term") { $0.field(field, value) } }
        }
        func exists(_ field: String) { filters.object { $0.object("exists") { $0.field("field", field) } } }
        term("index", index)
        if !filter.prefix.isEmpty { filters.object { $0.object("prefix") { $0.field("key", filter.prefix) } } }
        if !filter.tenant.isEmpty { term("tenant", filter.tenant) }
        if !filter.reason.isEmpty { term("rejected.reason", filter.reason) }
        switch filter.state {
        case .all: break
        case .live: filters.object { $0.object("range") { $0.object("live.chunkCount") { $0.field("gt", 0) } } }
        case .pending: exists("pending.generation")
        case .rejected:
            filters.object { filter in
                filter.object("bool") { bool in
                    bool.key("should")
                    bool.array { either in
                        for field in ["rejected.generation", "live.reason"] {
                            either.object { $0.object("exists") { $0.field("field", field) } }
                        }
                    }
                }
            }
        case .flagged: exists("live.flags")
        case .deleted: filters.object { $0.object("term") { $0.field("live.content.absent", true) } }
        }
    }

    /// Erased records have no key.
    private static func exclusions(_ state: State, _ exclusions: inout JSONWriter) {
        exclusions.object { $0.object("term") { $0.field("key", "") } }
        if state == .deleted { exclusions.object { $0.object("exists") { $0.field("field", "live.reason") } } }
    }
}
