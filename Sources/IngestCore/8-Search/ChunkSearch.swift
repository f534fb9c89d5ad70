import OpenSearch
import Resilience
import TextCoding

/// Finds chunks by meaning and by words, of live generations only.
package struct ChunkSearch: Sendable {
    package enum Mode: String, Sendable, CaseIterable {
        case hybrid
        case vector
        case text
    }

    package struct Question: Sendable {
        package var text: String
        package var vector: [Float]
        package var limit: Int
        package var filter = SearchFilter()
        /// Of chunks with the same text only the best is returned.
        package var collapsesCopies = false

        package init(text: String, vector: [Float], limit: Int) {
            self.text = text
            self.vector = vector
            self.limit = limit
        }
    }

    let client: OpenSearchClient
    private let names: IndexNames
    private let ledger: any Ledger
    private let cluster: Cluster
    private static let maximumPageSize = 1000
    /// Candidates of each half of a query, whatever the limit: scores are normalized over them, so that with fewer another hit could be the first.
    private static let depth = 200

    package init(client: OpenSearchClient, names: IndexNames, ledger: any Ledger, cluster: Cluster) {
        self.client = client
        self.names = names
        self.ledger = ledger
        self.cluster = cluster
    }

    /// The best hits whose generation is the ledger's live one. While a document is replaced the index holds two generations of it,
    /// so hits that the ledger does not confirm are dropped, and more are requested.
    package func hits(_ question: Question, mode: Mode) async throws -> [SearchHit] {
        var count = Self.depth
        while true {
            let found = try await search(question, mode, count: count)
            var live = try await liveOnly(found)
            if question.collapsesCopies { live = Self.withoutCopies(live) }
            let isAll = found.count < count
            if live.count >= question.limit || live.count == found.count || isAll || count >= Self.maximumPageSize {
                return Array(live.prefix(question.limit))
            }
            count = min(count * 4, Self.maximumPageSize)
        }
    }

    private func liveOnly(_ hits: [SearchHit]) async throws -> [SearchHit] {
        let ids = Set(hits.map { $0.documentID.recordID(index: $0.index) })
        let live = try await withThrowingTaskGroup(of: (String, Int?).self) { group in
            for id in ids.sorted() { group.addTask { (id, try await ledger.read(id).record?.live?.generation) } }
            var live: [String: Int] = [:]
            for try await (id, generation) in group { live[id] = generation }
            return live
        }
        return hits.filter { live[$0.documentID.recordID(index: $0.index)] == $0.generation }
    }

    private static func withoutCopies(_ hits: [SearchHit]) -> [SearchHit] {
        var seen: Set<String> = []
        return hits.filter { $0.contentHash.isEmpty || seen.insert($0.contentHash).inserted }
    }

    private func search(_ question: Question, _ mode: Mode, count: Int) async throws -> [SearchHit] {
        if !cluster.hasVectorSearch, mode != .text { return try await compareAll(question, count) }
        guard mode != .hybrid || cluster.hasSearchPipelines else {
            throw Failure.fleet(
                "\(client.endpoint) has no search pipelines (OpenSearch 2.10 and later have), which hybrid search needs: use --mode vector or --mode text"
            )
        }
        let isHybrid = mode == .hybrid
        let body = JSONWriter.object { json in
            json.field("size", count)
            json.field("_source", SearchHit.fields)
            json.object("query") { query in
                if isHybrid {
                    query.object("hybrid") { hybrid in
                        hybrid.key("queries")
                        hybrid.array { queries in
                            queries.object { Self.match(question, &$0) }
                            queries.object { Self.nearest(question, count, &$0) }
                        }
                    }
                } else if mode == .text {
                    Self.match(question, &query)
                } else {
                    Self.nearest(question, count, &query)
                }
            }
        }
        let query = isHybrid ? [("search_pipeline", names.searchPipeline)] : []
        let response = try await client.send("POST", "/\(names.alias)/_search", query: query, body: body)
        return try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
    }

    private static func match(_ question: Question, _ query: inout JSONWriter) {
        query.object("bool") { bool in
            bool.key("must")
            bool.array {
                $0.object { $0.object("match") { $0.object("text") { $0.field("query", question.text) } } }
            }
            if !question.filter.isEmpty { question.filter.write(&bool) }
        }
    }

    private static func nearest(_ question: Question, _ count: Int, _ query: inout JSONWriter) {
        query.object("knn") { knn in
            knn.object("vector") {
                $0.key("vector")
                $0.floats(question.vector)
                $0.field("k", count)
                if !question.filter.isEmpty {
                    $0.object("filter") { $0.object("bool") { question.filter.write(&$0) } }
                }
            }
        }
    }

    /// Where the server compares no vectors: all of them are read and compared here, exactly.
    private func compareAll(_ question: Question, _ count: Int) async throws -> [SearchHit] {
        var best: [SearchHit] = []
        let body = JSONWriter.object { json in
            json.field("size", 500)
            json.field("_source", SearchHit.fields + ["vector"])
            json.object("query") { query in
                if question.filter.isEmpty {
                    query.object("match_all") { _ in }
                } else {
                    query.object("bool") { question.filter.write(&$0) }
                }
            }
        }
        var response = try await client.send("POST", "/\(names.alias)/_search", query: [("scroll", "1m")], body: body)
        while true {
            let page = try client.decode(SearchHit.ResponseBody.self, response)
            if page.hits.hits.isEmpty { return best }
            best += page.hits.hits.map { item in
                let product = zip(item._source.vector ?? [], question.vector).reduce(Double(0)) {
                    $0 + Double($1.0) * Double($1.1)
                }
                return SearchHit(item, score: product)
            }
            best = Array(best.sorted { $0.score > $1.score }.prefix(count))
            guard let scroll = page._scroll_id else { return best }
            let next = JSONWriter.object {
                $0.field("scroll", "1m")
                $0.field("scroll_id", scroll)
            }
            response = try await client.send("POST", "/_search/scroll", body: next)
        }
    }
}
