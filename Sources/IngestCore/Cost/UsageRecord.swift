import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import OpenSearch
import TextCoding

/// What one worker embedded for a tenant on a day (UTC), since that worker began.
package struct UsageRecord: Equatable, Sendable, Codable {
    package var index: String
    /// `2026-01-31`.
    package var day: String
    package var tenant: String
    package var worker: String
    package var versions = 0
    package var chunks = 0
    package var spend = EmbeddingSpend()

    private enum CodingKeys: CodingKey { case index, day, tenant, worker, versions, chunks, tokens, cost }

    package init(index: String, day: String, tenant: String, worker: String) {
        (self.index, self.day, self.tenant, self.worker) = (index, day, tenant, worker)
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        index = try fields.decode(String.self, forKey: .index)
        day = try fields.decode(String.self, forKey: .day)
        tenant = try fields.decode(String.self, forKey: .tenant)
        worker = try fields.decode(String.self, forKey: .worker)
        versions = max(0, try fields.decode(Int.self, forKey: .versions))
        chunks = max(0, try fields.decode(Int.self, forKey: .chunks))
        spend = try EmbeddingSpend(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        for (key, text) in [(CodingKeys.index, index), (.day, day), (.tenant, tenant), (.worker, worker)] {
            try fields.encode(text, forKey: key)
        }
        for (key, count) in [
            (CodingKeys.versions, versions), (.chunks, chunks), (.tokens, spend.tokens), (.cost, spend.cost),
        ] {
            try fields.encode(count, forKey: key)
        }
    }

    /// The same for the same worker, day and tenant: a write that is repeated counts once.
    var id: String {
        Hex.string(Digest.sha256([index, day, worker, tenant].joined(separator: "\n")).prefix(16))
    }
}

/// Where usage is kept: `ingest-fleet-usage`, for all pipelines of the cluster.
package struct UsageRecords: Sendable {
    package static let index = "ingest-fleet-usage"
    private let client: OpenSearchClient

    package init(client: OpenSearchClient) { self.client = client }

    package func create(replicas: Int) async throws {
        let fields = [
            "index": "keyword", "day": "keyword", "tenant": "keyword", "versions": "long", "chunks": "long",
            "tokens": "long", "cost": "long",
        ]
        try await RegistryIndex(name: Self.index, fields: fields).create(client, replicas: replicas)
    }

    package func write(_ record: UsageRecord) async throws {
        let body = Array(try JSONEncoder().encode(record))
        _ = try await client.send("PUT", "/\(Self.index)/_doc/\(record.id)", body: body, timeout: .seconds(10))
    }

    private struct Sums: Decodable {
        struct Aggregations: Decodable { var tenants: Terms }
        struct Terms: Decodable { var buckets: [Term] }
        struct Number: Decodable { var value: Double }
        struct Term: Decodable {
            var key: String
            var versions: Number
            var chunks: Number
            var tokens: Number
            var cost: Number
        }
        var aggregations: Aggregations
    }

    /// A tenant's whole use of a pipeline on a day.
    package struct Total: Equatable, Sendable {
        package var tenant: String
        package var versions: Int
        package var chunks: Int
        package var spend: EmbeddingSpend
    }

    /// Of a day, by tenant; at most 10,000 tenants.
    package func totals(index: String, day: String) async throws -> [Total] {
        let body = JSONWriter.object { json in
            json.field("size", 0)
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("filter")
                    bool.array { filters in
                        for (field, value) in [("index", index), ("day", day)] {
                            filters.object { filter in filter.object("term") { $0.field(field, value) } }
                        }
                    }
                }
            }
            json.object("aggs") { aggregations in
                aggregations.object("tenants") { tenants in
                    tenants.object("terms") {
                        $0.field("field", "tenant")
                        $0.field("size", 10_000)
                    }
                    tenants.object("aggs") { sums in
                        for field in ["versions", "chunks", "tokens", "cost"] {
                            sums.object(field) { sum in sum.object("sum") { $0.field("field", field) } }
                        }
                    }
                }
            }
        }
        let response = try await client.send("POST", "/\(Self.index)/_search", body: body, accepting: [404])
        guard response.isSuccess else { return [] }
        return try client.decode(Sums.self, response).aggregations.tenants.buckets.map { term in
            func count(_ number: Number) -> Int { Int(exactly: min(max(number.value, 0), 0x1p60).rounded()) ?? 0 }
            return Total(
                tenant: term.key,
                versions: count(term.versions),
                chunks: count(term.chunks),
                spend: EmbeddingSpend(tokens: count(term.tokens), cost: count(term.cost))
            )
        }
    }

    private typealias Number = Sums.Number

    /// Sees what was written before.
    package func refresh() async throws {
        _ = try await client.send("POST", "/\(Self.index)/_refresh", accepting: [404])
    }
}
