import FoundationEssentials
import TextCoding

/// How many documents the ledger knows, by state, and how many chunks the index holds.
package struct FleetStatus: Equatable, Sendable, Codable {
    /// Documents that readers see.
    package var live = 0
    /// Deleted objects that are remembered.
    package var tombstones = 0
    /// Being made.
    package var pending = 0
    /// Whose newest version is rejected.
    package var rejected = 0
    package var rejectedByReason: [String: Int] = [:]
    /// Chunks of live generations, as the ledger counts them.
    package var chunks = 0
    /// Chunks in the index, whatever their generation.
    package var indexedChunks = 0

    package init() {}

    package mutating func count(_ record: DocumentRecord) {
        if let live = record.live {
            chunks += live.chunkCount
            if live.content == .absent { tombstones += 1 } else if live.chunkCount > 0 { self.live += 1 }
            if let reason = live.reason { reject(reason) }
        }
        if let last = record.lastRejection { reject(last.reason) }
        if record.pending != nil { pending += 1 }
    }

    private mutating func reject(_ reason: String) {
        rejected += 1
        rejectedByReason[reason, default: 0] += 1
    }
}

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
        struct Item: Decodable { var _source: DocumentRecord }
        var _scroll_id: String?
        var hits: Hits
    }

    private struct Count: Decodable { var count: Int }

    /// Refreshes first, so that everything written before is seen.
    package func forEach(_ body: (DocumentRecord) -> Void) async throws {
        _ = try await client.send("POST", "/\(names.ledger)/_refresh")
        let query = JSONWriter.object { json in
            json.field("size", 1000)
            json.object("query") { query in query.object("term") { $0.field("index", names.chunks) } }
        }
        var response = try await client.send("POST", "/\(names.ledger)/_search", query: [("scroll", "1m")], body: query)
        while true {
            let page = try client.decode(ResponseBody.self, response)
            for item in page.hits.hits { body(item._source) }
            guard !page.hits.hits.isEmpty, let scroll = page._scroll_id else { return }
            let next = JSONWriter.object {
                $0.field("scroll", "1m")
                $0.field("scroll_id", scroll)
            }
            response = try await client.send("POST", "/_search/scroll", body: next)
        }
    }

    package func status() async throws -> FleetStatus {
        var status = FleetStatus()
        try await forEach { status.count($0) }
        _ = try await client.send("POST", "/\(names.chunks)/_refresh")
        status.indexedChunks = try client.decode(Count.self, try await client.send("GET", "/\(names.chunks)/_count"))
            .count
        return status
    }
}
