import AsyncPrimitives

extension DocumentRecord {
    /// What a list of documents says of one, and since when.
    package enum Status: Sendable {
        case pending(since: Timestamp?)
        case rejected(reason: String, at: Timestamp?)
        /// Nothing has been made of it yet.
        case new(Timestamp)
        case deleted(Timestamp)
        case live(Timestamp)
    }

    package var status: Status {
        if let pending { return .pending(since: pending.since) }
        if let lastRejection { return .rejected(reason: lastRejection.reason, at: lastRejection.at) }
        guard let live else { return .new(created) }
        if let reason = live.reason { return .rejected(reason: reason, at: live.committed) }
        return live.content == .absent ? .deleted(live.committed) : .live(live.committed)
    }

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
