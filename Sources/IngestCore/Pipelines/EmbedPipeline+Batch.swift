import AsyncPrimitives
import Observability

extension EmbedPipeline {
    /// The version was put aside for a batch.
    struct PutAside: Error {}

    /// The vectors that a batch left. A version of the batch lane that has not been in one, and needs it, is put aside.
    func batched(_ work: EmbedWork, _ missing: [Int], _ chunks: ChunkSet, _ known: KnownChunks) async throws
        -> [Int: [Float]]
    {
        guard work.header.urgency == .batch, let lane = stages.batches else { return [:] }
        let needed = try vectors.unknown(missing, of: chunks, over: known)
        let found = try await lane.vectors(work.recordID, work.generation)?.entries ?? [:]
        let left = needed.filter { found[$0] == nil }
        guard left.isEmpty else {
            try await lane.put(aside: work, chunks: left, at: time.now)
            throw PutAside()
        }
        // An attempt that begins again has paid nothing more.
        if vectors.spends.of(work.key) == EmbeddingSpend() {
            for place in needed {
                vectors.count(found[place]?.tokens ?? 0, for: known, share: OpenAIBatches.priceShare)
            }
            metrics.add(.chunksEmbedded, needed.count)
            metrics.add(.tokensEmbedded, try needed.reduce(0) { try $0 + chunks.chunk($1).embeddedTokens })
        }
        return found.mapValues(\.vector)
    }
}
