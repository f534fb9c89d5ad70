import FoundationEssentials
import OpenSearch
import Resilience
import TextCoding

/// What ledger and index hold of one object.
package struct DocumentLookup: Sendable {
    private let client: OpenSearchClient
    private let names: IndexNames
    private static let maximumChunks = 10_000
    private static let batch = 500

    package init(client: OpenSearchClient, names: IndexNames) {
        self.client = client
        self.names = names
    }

    /// Without what the bucket says.
    package func state(of object: ObjectReference) async throws -> KeyState {
        try await states(of: [object]).first ?? KeyState(object)
    }

    /// Of those that anything is held of; in no order.
    package func states(of objects: [ObjectReference]) async throws -> [KeyState] {
        let lookup = KeyStates(listing: NoListing(), client: client, names: names)
        try await lookup.refresh()
        var found: [KeyState] = []
        for (bucket, its) in Dictionary(grouping: objects, by: \.bucket) {
            for start in stride(from: 0, to: its.count, by: Self.batch) {
                let keys = its[start..<min(its.count, start + Self.batch)].map(\.key)
                found += try await lookup.states(of: keys, in: bucket)
            }
        }
        return found
    }

    private struct NoListing: ObjectListing {
        func page(bucket: String, prefix: String, after start: String?, limit: Int) async throws -> ObjectPage {
            ObjectPage(entries: [])
        }
    }

    private struct ResponseBody: Decodable {
        struct Hits: Decodable { var hits: [Hit] }
        struct Hit: Decodable { var _source: IndexedChunkText }
        var hits: Hits
    }

    /// The chunks of a generation in their order, without vectors.
    package func chunks(_ document: DocumentID, generation: Int) async throws -> [IndexedChunkText] {
        let body = JSONWriter.object { json in
            json.field("size", Self.maximumChunks)
            json.field("_source", IndexedChunkText.fields)
            json.generation(generation, of: document)
        }
        let query = [("routing", document.description)]
        let response = try await client.send("POST", "/\(names.chunks)/_search", query: query, body: body)
        return try client.decode(ResponseBody.self, response).hits.hits.map(\._source)
    }
}

/// A chunk as the index holds it, for a person.
package struct IndexedChunkText: Decodable, Equatable, Sendable {
    package var chunk_index: Int
    package var text: String
    package var title: String?
    package var tokens: Int?
    package var headings: [String]?
    package var page_start: Int?
    package var page_end: Int?
    package var char_start: Int?
    package var char_end: Int?

    static let fields = [
        "chunk_index", "text", "title", "tokens", "headings", "page_start", "page_end", "char_start", "char_end",
    ]
}
