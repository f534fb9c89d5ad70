import FoundationEssentials
import OpenSearch
import TextCoding

/// The index's chunks of a scope, counted by document and generation and ordered by key, a page at a time (a composite aggregation).
struct ChunkPages: Sendable {
    let client: OpenSearchClient
    let names: IndexNames
    let bucket: String
    let scope: KeyScope
    private static let size = 1000

    struct Place: Codable, Sendable {
        var key: String
        var id: String
        var generation: Int
    }

    private struct ResponseBody: Decodable {
        struct Aggregations: Decodable { var groups: Groups }
        struct Groups: Decodable {
            var after_key: Place?
            var buckets: [Bucket]
        }
        struct Number: Decodable { var value: Double? }
        struct Count: Decodable { var doc_count: Int }
        struct Terms: Decodable {
            struct Bucket: Decodable { var key: String }
            var buckets: [Bucket]
        }
        struct Bucket: Decodable {
            var key: Place
            var doc_count: Int
            var last: Number
            var tokens: Number
            var pages: Number
            var bare: Count
            var foreign: Count
            var tenant: Terms
        }
        var aggregations: Aggregations
    }

    func next(after last: Place?) async throws -> (items: [(key: String, group: ChunkGroup)], last: Place?) {
        let body = JSONWriter.object { json in
            json.field("size", 0)
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { scope.write(bucket: bucket, &$0) }
                }
            }
            json.object("aggs") { $0.object("groups") { groups in self.groups(after: last, &groups) } }
        }
        let response = try await client.send("POST", "/\(names.chunks)/_search", body: body)
        let found = try client.decode(ResponseBody.self, response).aggregations.groups
        let items = found.buckets.map { bucket in
            var group = ChunkGroup(
                documentID: bucket.key.id,
                generation: bucket.key.generation,
                tenant: bucket.tenant.buckets.first?.key ?? "",
                count: bucket.doc_count,
                last: Self.number(bucket.last)
            )
            (group.withoutVector, group.foreign) = (bucket.bare.doc_count, bucket.foreign.doc_count)
            (group.tokens, group.pages) = (Self.number(bucket.tokens), Self.number(bucket.pages))
            return (bucket.key.key, group)
        }
        return (items, found.buckets.count < Self.size ? nil : found.after_key)
    }

    private static func number(_ number: ResponseBody.Number) -> Int { number.value.flatMap { Int(exactly: $0) } ?? 0 }

    private func groups(after last: Place?, _ groups: inout JSONWriter) {
        groups.object("composite") { composite in
            composite.field("size", Self.size)
            composite.key("sources")
            composite.array { sources in
                for (name, field) in [("key", "key"), ("id", "document_id"), ("generation", "generation")] {
                    sources.object { $0.object(name) { $0.object("terms") { $0.field("field", field) } } }
                }
            }
            if let last {
                composite.object("after") {
                    $0.field("key", last.key)
                    $0.field("id", last.id)
                    $0.field("generation", last.generation)
                }
            }
        }
        groups.object("aggs") { parts in
            for (name, kind, field) in [
                ("last", "max", "chunk_index"), ("tokens", "sum", "tokens"), ("pages", "max", "page_end"),
            ] {
                parts.object(name) { $0.object(kind) { $0.field("field", field) } }
            }
            parts.object("tenant") { tenant in
                tenant.object("terms") {
                    $0.field("field", "tenant")
                    $0.field("size", 1)
                }
            }
            Self.lacking("bare", &parts) { $0.object("exists") { $0.field("field", "vector") } }
            Self.lacking("foreign", &parts) {
                $0.object("term") { $0.field("fingerprint", names.fingerprint.description) }
            }
        }
    }

    private static func lacking(_ name: String, _ parts: inout JSONWriter, _ query: (inout JSONWriter) -> Void) {
        parts.object(name) { part in
            part.object("filter") { filter in
                filter.object("bool") { bool in
                    bool.object("must_not") { query(&$0) }
                }
            }
        }
    }
}
