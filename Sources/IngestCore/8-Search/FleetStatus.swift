import FoundationEssentials
import OpenSearch

/// How many documents the ledger knows, by state, and how many chunks the index holds.
package struct FleetStatus: Equatable, Sendable, Codable {
    /// Documents that readers see.
    package var live = 0
    /// Deleted objects that are remembered.
    package var tombstones = 0
    /// Being made.
    package var pending = 0
    /// Whose newest version is rejected.
    package var rejected = 0
    package var rejectedByReason: [String: Int] = [:]
    /// Live documents by flag: `ingestctl flagged` lists them.
    package var liveByFlag: [String: Int] = [:]
    /// Live documents of which a tenth of the source's characters or more are not in the text.
    package var liveWithMuchLeftOut = 0
    /// Records that cannot be read: `ingestctl rejections` lists them.
    package var unreadableRecords = 0
    /// Chunks of live generations, as the ledger counts them.
    package var chunks = 0
    /// Chunks in the index, whatever their generation.
    package var indexedChunks = 0

    private static let muchLeftOut = 10

    package init() {}

    package mutating func count(_ record: DocumentRecord) {
        if let live = record.live {
            chunks += live.chunkCount
            if live.content == .absent { tombstones += 1 } else if live.chunkCount > 0 { self.live += 1 }
            for flag in live.flags ?? [] where live.chunkCount > 0 { liveByFlag[flag, default: 0] += 1 }
            if live.leftOut ?? 0 >= Self.muchLeftOut { liveWithMuchLeftOut += 1 }
            if let reason = live.reason { reject(reason) }
        }
        if let last = record.lastRejection { reject(last.reason) }
        if record.pending != nil { pending += 1 }
    }

    private mutating func reject(_ reason: String) {
        rejected += 1
        rejectedByReason[reason, default: 0] += 1
    }
}

extension LedgerWalk {
    private struct Count: Decodable { var count: Int }

    package func status() async throws -> FleetStatus {
        var status = FleetStatus()
        status.unreadableRecords = try await forEach { status.count($0) }.count
        _ = try await client.send("POST", "/\(names.chunks)/_refresh")
        status.indexedChunks = try client.decode(Count.self, try await client.send("GET", "/\(names.chunks)/_count"))
            .count
        return status
    }
}
