extension DocumentRecord {
    /// Nothing but the memory of a deletion before `end`: no generation is on its way, none is left to remove or to tell of.
    package func isTombstone(before end: Timestamp) -> Bool {
        guard let live, live.content == .absent, live.reason == nil else { return false }
        return live.committed < end && pending == nil && retired.isEmpty && rejected.isEmpty
    }

    /// The rejection that stands: newer than what is live, and not a lost hand-over.
    package var lastRejection: RejectedGeneration? {
        rejected.filter { !$0.isAbandoned && $0.generation > live?.generation ?? 0 }.max {
            $0.generation < $1.generation
        }
    }
}
