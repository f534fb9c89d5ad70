import FoundationEssentials
import OpenSearch
import TextCoding

extension ChunkSearch {
    /// The chunks before and after a hit in its version of the document, at most `count` each, with the hit itself, in their order.
    package func neighbours(of hit: SearchHit, _ count: Int) async throws -> [SearchHit] {
        let body = JSONWriter.object { json in
            json.field("size", 2 * count + 1)
            json.field("_source", SearchHit.fields)
            json.generation(hit.generation, of: hit.documentID, in: hit.chunk - count...hit.chunk + count)
        }
        let query = [("routing", hit.documentID.description)]
        let response = try await client.send("POST", "/\(hit.index)/_search", query: query, body: body)
        return try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
    }
}
