import AsyncPrimitives
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
        /// Of chunks with the same content only the best is returned.
        package var collapsesCopies = false
        /// Hits have passages with the question's words marked.
        package var marksWords = false
        /// Nil for what `setup` stored for all readers.
        package var join: SearchJoin?
        /// Candidates of each half of a query, whatever the limit: scores are normalized over them, so that with fewer another hit could be the first.
        package var depth = Self.defaultDepth
        package static let defaultDepth = 200

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
    private let reranker: (any Reranker)?
    /// The readers' alias, or one index.
    private var target: String
    /// The fields that words are matched in, once they are known.
    private var wordFields = LockedValue<[String]?>(nil)
    /// Languages whose words are matched: the commonest.
    private static let mostLanguages = 8
    private static let maximumPageSize = 1000

    /// - Parameter reranker: orders the best candidates again.
    package init(
        client: OpenSearchClient,
        names: IndexNames,
        ledger: any Ledger,
        cluster: Cluster,
        reranker: (any Reranker)? = nil
    ) {
        self.client = client
        self.names = names
        self.ledger = ledger
        self.cluster = cluster
        self.reranker = reranker
        target = names.alias
    }

    /// The same search of one index, whatever readers see.
    package func reading(_ index: String) -> ChunkSearch {
        var copy = self
        copy.target = index
        copy.wordFields = LockedValue(nil)
        return copy
    }

    /// The best hits whose generation is the ledger's live one. While a document is replaced the index holds two generations of it,
    /// so hits that the ledger does not confirm are dropped, and more are requested.
    package func hits(_ question: Question, mode: Mode) async throws -> [SearchHit] {
        let needed = max(question.limit, reranker?.candidates ?? 0)
        var count = max(question.depth, needed)
        while true {
            let found = try await search(question, mode, count: count)
            var live = Self.withoutSiblings(try await liveOnly(found))
            if question.collapsesCopies { live = Self.withoutCopies(live) }
            let isAll = found.count < count
            if live.count >= needed || live.count == found.count || isAll || count >= Self.maximumPageSize {
                let whole = try await complete(Array(live.prefix(needed)), question)
                return Array(try await reranked(whole, question).prefix(question.limit))
            }
            count = min(count * 4, Self.maximumPageSize)
        }
    }

    private func reranked(_ hits: [SearchHit], _ question: Question) async throws -> [SearchHit] {
        guard let reranker, hits.count > 1 else { return hits }
        let scores = try await reranker.scores(question.text, hits.map(\.text))
        let order = hits.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        return order.map { place in
            var hit = hits[place]
            hit.score = scores[place]
            return hit
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

    /// Of the parts of one larger chunk the best stands for all.
    private static func withoutSiblings(_ hits: [SearchHit]) -> [SearchHit] {
        var seen: Set<String> = []
        return hits.filter { hit in hit.parent.map { seen.insert("\(hit.documentID) \($0)").inserted } ?? true }
    }

    private func search(_ question: Question, _ mode: Mode, count: Int) async throws -> [SearchHit] {
        if !cluster.hasVectorSearch, mode != .text { return try await compareAll(question, count) }
        guard mode != .hybrid || cluster.hasSearchPipelines else {
            throw Failure.fleet(
                "\(client.endpoint) has no search pipelines (OpenSearch 2.10 and later have), which hybrid search needs: use --mode vector or --mode text"
            )
        }
        let fields = mode == .vector ? [] : try await matchedFields()
        let query = SearchQuery(question: question, count: count, fields: fields)
        let isStored = mode == .hybrid && question.join == nil
        let response = try await client.send(
            "POST",
            "/\(target)/_search",
            query: isStored ? [("search_pipeline", names.searchPipeline)] : [],
            body: query.body(mode)
        )
        return try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
    }

    private struct Languages: Decodable {
        struct Aggregations: Decodable { var languages: Terms? }
        struct Terms: Decodable { var buckets: [Bucket] }
        struct Bucket: Decodable { var key: String }
        var aggregations: Aggregations?
    }

    /// The words of all documents, and those of the languages that documents are in: a clause for each word and field is a query of too many. None on the embedded stand-in
    /// for demos, which matches one field.
    private func matchedFields() async throws -> [String] {
        guard cluster.hasVectorSearch else { return [] }
        if let known = wordFields.withLock({ $0 }) { return known }
        let body = JSONWriter.object { json in
            json.field("size", 0)
            json.object("aggs") { aggregations in
                aggregations.object("languages") { terms in
                    terms.object("terms") {
                        $0.field("field", "language")
                        $0.field("size", 2 * Self.mostLanguages)
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(target)/_search", body: body)
        let buckets = try client.decode(Languages.self, response).aggregations?.languages?.buckets ?? []
        var fields = ["words"]
        for field in buckets.compactMap({ WordAnalyzer(tag: $0.key)?.field }).prefix(Self.mostLanguages)
        where !fields.contains(field) { fields.append(field) }
        wordFields.withLock { [fields] in $0 = fields }
        return fields
    }

    /// The same hits with all that is stored of them, and with the words of the question marked.
    private func complete(_ hits: [SearchHit], _ question: Question) async throws -> [SearchHit] {
        var hits = hits
        for (index, places) in Dictionary(grouping: hits.indices, by: { hits[$0].index }) {
            let body = SearchQuery.whole(
                places.map { hits[$0].id },
                question.text,
                marked: question.marksWords ? try await matchedFields() : []
            )
            let response = try await client.send("POST", "/\(index)/_search", body: body)
            let found = try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
            let byID = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
            for place in places {
                guard var whole = byID[hits[place].id] else { continue }
                whole.score = hits[place].score
                hits[place] = whole
            }
        }
        // What was removed since it was found.
        return hits.filter { !$0.text.isEmpty }
    }

    /// Where the server compares no vectors: all of them are read and compared here, exactly.
    private func compareAll(_ question: Question, _ count: Int) async throws -> [SearchHit] {
        var best: [SearchHit] = []
        let query = SearchQuery(question: question, count: count, fields: [])
        var response = try await client.send(
            "POST",
            "/\(target)/_search",
            query: [("scroll", "1m")],
            body: query.every(page: 500)
        )
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
