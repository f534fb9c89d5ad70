extension DocumentRecord {
    /// The rejection that stands: newer than what is live, and not a lost hand-over.
    package var lastRejection: RejectedGeneration? {
        rejected.filter { !$0.isAbandoned && $0.generation > live?.generation ?? 0 }.max {
            $0.generation < $1.generation
        }
    }
}
