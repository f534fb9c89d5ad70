import FoundationEssentials
import OpenSearch
import TextCoding

extension ChunkSearch {
    /// The chunks before and after a hit in its version of the document, at most `count` each, with the hit itself, in their order.
    package func neighbours(of hit: SearchHit, _ count: Int) async throws -> [SearchHit] {
        let body = JSONWriter.object { json in
            json.field("size", 2 * count + 1)
            json.field("_source", SearchHit.fields)
            json.key("sort")
            json.array { $0.object { $0.field("chunk_index", "asc") } }
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        filters.object { $0.object("term") { $0.field("document_id", hit.documentID.description) } }
                        filters.object { $0.object("term") { $0.field("generation", hit.generation) } }
                        filters.object {
                            $0.object("range") {
                                $0.object("chunk_index") {
                                    $0.field("gte", hit.chunk - count)
                                    $0.field("lte", hit.chunk + count)
                                }
                            }
                        }
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(hit.index)/_search", body: body)
        return try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
    }
}
