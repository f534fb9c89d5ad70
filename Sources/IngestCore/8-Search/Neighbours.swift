import FoundationEssentials
import OpenSearch
import TextCoding

extension ChunkSearch {
    /// The most parts that a larger chunk is read with.
    private static let mostParts = 500

    /// What is around a hit in its version of the document, with the hit itself, in the text's order: at most `count` chunks before and after it; of a part of a larger
    /// chunk all parts.
    package func neighbours(of hit: SearchHit, _ count: Int) async throws -> [SearchHit] {
        let body = JSONWriter.object { json in
            json.field("size", hit.parent == nil ? 2 * count + 1 : Self.mostParts)
            json.field("_source", SearchHit.fields)
            if let parent = hit.parent {
                json.generation(hit.generation, of: hit.documentID, field: "parent_index", in: parent...parent)
            } else {
                json.generation(hit.generation, of: hit.documentID, in: hit.chunk - count...hit.chunk + count)
            }
        }
        let query = [("routing", hit.documentID.description)]
        let response = try await client.send("POST", "/\(hit.index)/_search", query: query, body: body)
        return try client.decode(SearchHit.ResponseBody.self, response).hits.hits.map { SearchHit($0) }
    }
}
