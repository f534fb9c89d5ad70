import AsyncPrimitives
import ExtractionWire
import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// What a running worker says of itself every few seconds: `ingestctl status`, `watch` and `serve` show it.
package struct WorkerReport: Equatable, Sendable, Codable {
    /// Random, made at its start.
    package var id: String
    package var kind: String
    /// The pipeline's index.
    package var index: String
    package var host: String
    package var version: String
    package var started: Timestamp
    package var written: Timestamp
    /// What it waits for: dependencies, or an operator.
    package var paused: [String] = []
    package var jobs: [JobsInFlight.Entry] = []
    /// Every series by name; counters count from its start.
    package var metrics: [String: Int] = [:]

    /// Counts are added up: what no worker counts to is none.
    var plausible: WorkerReport {
        var report = self
        report.metrics = metrics.filter { (0...1 << 53).contains($0.value) }
        return report
    }

    /// It waits for `ingestctl resume`.
    package var isPausedByOperator: Bool { paused.contains { $0.hasPrefix(WorkerControl.operatorPause) } }

    package init(id: String, kind: String, index: String, host: String, version: String, started: Timestamp) {
        self.id = id
        self.kind = kind
        self.index = index
        self.host = host
        self.version = version
        self.started = started
        written = started
    }
}

/// The reports of all workers of the cluster: `ingest-fleet-workers`.
package struct WorkerReports: Sendable {
    package static let index = "ingest-fleet-workers"
    /// A worker that has written nothing for so long counts as gone.
    package static let lifetime = Duration.seconds(45)
    private static let maximum = 1000
    private static let retention = Duration.seconds(86_400)
    private let client: OpenSearchClient

    package init(client: OpenSearchClient) { self.client = client }

    package func create(replicas: Int) async throws {
        let fields = ["index": "keyword", "written": "long"]
        try await RegistryIndex(name: Self.index, fields: fields).create(client, replicas: replicas)
    }

    package func write(_ report: WorkerReport) async throws {
        let body = Array(try JSONEncoder().encode(report))
        _ = try await client.send("PUT", "/\(Self.index)/_doc/\(report.id)", body: body, timeout: .seconds(10))
    }

    package func remove(_ id: String) async throws {
        _ = try await client.send("DELETE", "/\(Self.index)/_doc/\(id)", accepting: [404], timeout: .seconds(5))
    }

    /// Reports of workers that ended without a word.
    package func prune(at now: Timestamp) async throws {
        let body = JSONWriter.object { json in
            json.object("query") { query in
                query.object("range") { range in
                    let oldest = now.advanced(by: .zero - Self.retention)
                    range.object("written") { $0.field("lt", Int(oldest.milliseconds)) }
                }
            }
        }
        _ = try await client.send(
            "POST",
            "/\(Self.index)/_delete_by_query",
            query: [("conflicts", "proceed")],
            body: body,
            accepting: [404, 409]
        )
    }

    private struct Listing: Decodable {
        struct Hits: Decodable { var hits: [Item] }
        struct Item: Decodable { var _source: Readable<WorkerReport> }
        var hits: Hits
    }

    /// Of the workers that run now, of all pipelines.
    package func running(at now: Timestamp) async throws -> [WorkerReport] {
        let refreshed = try await client.send("POST", "/\(Self.index)/_refresh", accepting: [404])
        guard refreshed.isSuccess else { return [] }
        let body = JSONWriter.object { json in
            json.field("size", Self.maximum)
            json.object("query") { query in
                query.object("range") { range in
                    let oldest = now.advanced(by: .zero - Self.lifetime)
                    range.object("written") { $0.field("gt", Int(oldest.milliseconds)) }
                }
            }
        }
        let response = try await client.send("POST", "/\(Self.index)/_search", body: body)
        return try client.decode(Listing.self, response).hits.hits.compactMap(\._source.value).map(\.plausible).sorted {
            ($0.index, $0.kind, $0.started, $0.id) < ($1.index, $1.kind, $1.started, $1.id)
        }
    }
}
