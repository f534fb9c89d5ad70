import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

extension OpenSearchIndex {
    /// Vectors in one response.
    private static let page = 200

    /// The index holds one pipeline's chunks: equal hashes have equal vectors in it. The routing is the document's, so that every shard is searched.
    package func vectors(ofHashes hashes: [String], tenant: String) async throws -> [String: [Float]] {
        var found: [String: [Float]] = [:]
        for start in stride(from: 0, to: hashes.count, by: Self.page) {
            let part = Array(hashes[start..<min(hashes.count, start + Self.page)])
            let query = [("filter_path", "hits.hits._source"), ("ignore_unavailable", "true")]
            let body = Self.search(part, tenant)
            let response = try await client.send("POST", "/\(name)/_search", query: query, body: body)
            var scanner = JSONScanner(response.body)
            do {
                try Self.sources(&scanner) { scanner in
                    var (hash, vector) = ("", [Float]())
                    try scanner.object { scanner, key in
                        switch key {
                        case "content_hash": hash = try scanner.string()
                        case "vector": try scanner.floats(into: &vector)
                        default: try scanner.skip()
                        }
                    }
                    if !vector.isEmpty { found[hash] = vector }
                }
            } catch is JSONError {
                throw client.unexpected(response, of: .index)
            }
        }
        return found
    }

    private static func search(_ hashes: [String], _ tenant: String) -> [UInt8] {
        JSONWriter.object { json in
            json.field("size", hashes.count)
            json.field("track_total_hits", false)
            json.field("_source", ["content_hash", "vector"])
            json.object("collapse") { $0.field("field", "content_hash") }
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        filters.object { $0.object("term") { $0.field("tenant", tenant) } }
                        filters.object { $0.object("terms") { $0.field("content_hash", hashes) } }
                    }
                }
            }
        }
    }

    /// `{"hits": {"hits": [{"_source": …}]}}`; nothing at all where there are no hits.
    private static func sources(_ scanner: inout JSONScanner, _ each: (inout JSONScanner) throws -> Void) throws {
        try scanner.object { scanner, key in
            guard key == "hits" else { return try scanner.skip() }
            try scanner.object { scanner, key in
                guard key == "hits" else { return try scanner.skip() }
                try scanner.array { scanner in
                    try scanner.object { scanner, key in
                        if key == "_source" { try each(&scanner) } else { try scanner.skip() }
                    }
                }
            }
        }
    }
}
