import AsyncPrimitives
import OpenSearch

/// `ingestctl prune`: forgets objects whose deletion is older than any message can be.
///
/// A record keeps generation numbers from being used twice, so it may go only when no queue can hold a message of it any more: SQS keeps a
/// message for 14 days at most.
package struct TombstonePruning: Sendable {
    package var client: OpenSearchClient
    package var ledger: OpenSearchLedger
    package var names: IndexNames
    package var time: any TimeSource
    package var days: Int

    /// - Parameter days: how long a deletion is remembered.
    package init(client: OpenSearchClient, ledger: OpenSearchLedger, names: IndexNames, time: any TimeSource, days: Int)
    {
        self.client = client
        self.ledger = ledger
        self.names = names
        self.time = time
        self.days = days
    }

    /// - Returns: how many records were removed, and the ids of those that cannot be read and stay.
    package func run() async throws -> (removed: Int, unreadable: [String]) {
        let end = time.now.advanced(by: .seconds(-86_400 * days))
        var candidates: [String] = []
        let unreadable = try await LedgerWalk(client: client, names: names).forEachEntry { id, record in
            if record.isTombstone(before: end) { candidates.append(id) }
        }
        var removed = 0
        for start in stride(from: 0, to: candidates.count, by: 500) {
            removed += try await remove(candidates[start..<min(candidates.count, start + 500)], before: end)
        }
        return (removed, unreadable)
    }

    /// Each is read again: the object may have been uploaded again.
    private func remove(_ ids: ArraySlice<String>, before end: Timestamp) async throws -> Int {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for id in ids {
                group.addTask {
                    let read = try await ledger.read(id)
                    guard read.record?.isTombstone(before: end) == true else { return false }
                    return try await ledger.remove(id, at: read.version)
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
    }
}
