import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// What a server is, and what it can do.
package struct Cluster: Equatable, Sendable {
    package var version: String
    /// Supports `knn` queries. The embedded stand-in for small demos does not; then vectors are compared one by one.
    package var hasVectorSearch: Bool
    package var hasSearchPipelines: Bool

    package init(version: String, hasVectorSearch: Bool, hasSearchPipelines: Bool) {
        self.version = version
        self.hasVectorSearch = hasVectorSearch
        self.hasSearchPipelines = hasSearchPipelines
    }
}

extension OpenSearchClient {
    private struct Root: Decodable {
        struct Version: Decodable {
            var number: String?
            var distribution: String?
        }
        var version: Version?
    }

    /// Whether text can be analyzed by its language. The embedded stand-in for small demos knows a few, and not this one.
    package func hasAnalyzers() async throws -> Bool {
        let body = JSONWriter.object {
            $0.field("analyzer", "estonian")
            $0.field("text", "a")
        }
        return try await send("POST", "/_analyze", body: body, accepting: [400, 404, 405]).isSuccess
    }

    /// Reads the server's version, and tries a vector query on the indices of `pattern`. Fleet failures say what is wrong and what to do.
    package func cluster(searching pattern: String) async throws -> Cluster {
        let root = try decode(Root.self, try await send("GET", "/"))
        guard let version = root.version?.number else {
            throw Failure.fleet("\(endpoint) is not an OpenSearch server (OPENSEARCH_URL)")
        }
        let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
        guard major >= 2, root.version?.distribution != nil else {
            throw Failure.fleet(
                "\(endpoint) runs version \(version), which is not OpenSearch 2 or later (OPENSEARCH_URL)"
            )
        }
        let pipelines = try await send("GET", "/_search/pipeline", accepting: [400, 404, 405])
        // A vector query on the alias: a server without the plugin does not know the word.
        let probe = JSONWriter.object { json in
            json.field("size", 0)
            json.object("query") { query in
                query.object("knn") { knn in
                    knn.object("vector") {
                        $0.key("vector")
                        $0.floats([])
                        $0.field("k", 1)
                    }
                }
            }
        }
        let search = try await send(
            "POST",
            "/\(pattern)/_search",
            query: [("allow_no_indices", "true")],
            body: probe,
            accepting: [400, 404]
        )
        let text = String(decoding: search.body.prefix(4096), as: UTF8.self)
        let isUnknown =
            text.contains("unknown query") || text.contains("no [query] registered")
            || text.contains("not supported")
        return Cluster(
            version: version,
            hasVectorSearch: !isUnknown && search.status != 404,
            hasSearchPipelines: pipelines.isSuccess || pipelines.status == 404
        )
    }
}
