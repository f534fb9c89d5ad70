import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import OpenSearch
import TextCoding

/// How far a replay is, so that another run of the same replay goes on there (`--resume`).
package struct ReplayCheckpoint: Equatable, Sendable, Codable {
    /// The prefix and what was chosen of it: another choice is another replay.
    package var replay: String
    /// Every key up to this one is done.
    package var lastKey: String
    package var events = 0
    /// Tokens that the budget has been charged with.
    package var tokens = 0
    package var isFinished = false
    package var written: Timestamp

    package init(replay: String, lastKey: String, written: Timestamp) {
        self.replay = replay
        self.lastKey = lastKey
        self.written = written
    }

    /// The document's id: a choice may be longer than an id may be.
    package static func id(_ replay: String) -> String { Hex.string(Digest.sha256(replay)) }
}

/// Where checkpoints are kept.
package protocol ReplayCheckpoints: Sendable {
    func read(_ replay: String) async throws -> ReplayCheckpoint?
    func write(_ checkpoint: ReplayCheckpoint) async throws
}

/// In the cluster, `ingest-fleet-replays`: a task that goes on has no other task's disk.
package struct OpenSearchReplayCheckpoints: ReplayCheckpoints {
    package static let index = "ingest-fleet-replays"
    private let client: OpenSearchClient

    package init(client: OpenSearchClient) { self.client = client }

    package func create(replicas: Int) async throws {
        try await RegistryIndex(name: Self.index, fields: ["written": "long"]).create(client, replicas: replicas)
    }

    private struct Found: Decodable { var _source: ReplayCheckpoint? }

    package func read(_ replay: String) async throws -> ReplayCheckpoint? {
        let path = "/\(Self.index)/_doc/\(ReplayCheckpoint.id(replay))"
        let response = try await client.send("GET", path, accepting: [404])
        guard response.isSuccess else { return nil }
        return try client.decode(Found.self, response)._source
    }

    package func write(_ checkpoint: ReplayCheckpoint) async throws {
        let body = Array(try JSONEncoder().encode(checkpoint))
        let path = "/\(Self.index)/_doc/\(ReplayCheckpoint.id(checkpoint.replay))"
        _ = try await client.send("PUT", path, body: body, timeout: .seconds(30))
    }
}
