import AsyncPrimitives

/// What this worker has paid for versions that are not committed yet. What another worker paid for one before it ended is in that worker's usage alone.
final class SpendByGeneration: Sendable {
    private let spends = LockedValue([UncommittedVectorCache.Key: EmbeddingSpend]())
    /// Versions that were left to other workers are forgotten with all others.
    private static let maximum = 10_000

    func add(_ spend: EmbeddingSpend, to key: UncommittedVectorCache.Key) {
        spends.withLock { spends in
            if spends.count >= Self.maximum, spends[key] == nil { spends = [:] }
            spends[key, default: EmbeddingSpend()] += spend
        }
    }

    func of(_ key: UncommittedVectorCache.Key) -> EmbeddingSpend { spends.withLock { $0[key] ?? EmbeddingSpend() } }

    func forget(_ key: UncommittedVectorCache.Key) { spends.withLock { $0[key] = nil } }
}
