import AsyncPrimitives

extension DocumentRecord {
    /// A tombstone of a deletion before `end`: no generation is in flight, none is left to remove or to report.
    package func isTombstone(before end: Timestamp) -> Bool {
        guard let live, live.content == .absent, live.reason == nil else { return false }
        return live.committed < end && pending == nil && retired.isEmpty && rejected.isEmpty
    }

    /// The current rejection: newer than what is live, and not a lost hand-off.
    package var lastRejection: RejectedGeneration? {
        rejected.filter { !$0.isAbandoned && $0.generation > live?.generation ?? 0 }.max {
            $0.generation < $1.generation
        }
    }
}
