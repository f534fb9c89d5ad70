import IngestCore

/// Vectors for a generation's chunks: those that an interrupted attempt has paid for, those of the live version's chunks with the same text,
/// and the rest from the provider.
struct VectorSource: Sendable {
    let index: any ChunkIndex
    let embeddings: EmbeddingBatcher
    let paid: PaidVectors
    let patience: Patience
    let metrics: Metrics

    /// Provides vectors for `chunks` to `use`. What was paid for is kept until `forget`, for an attempt that has to begin again: what is in the
    /// index by then may be gone with the next commit of another generation.
    func provide(
        for chunks: [ChunkPayload],
        of key: PaidVectors.Key,
        over live: LiveGeneration?,
        use: ([Int: [Float]]) async throws -> Void
    ) async throws {
        var vectors = paid.take(key)
        defer { paid.keep(vectors, key) }
        let unpaid = chunks.filter { vectors[$0.index] == nil }
        vectors.merge(try await reusable(unpaid, key.document, live)) { old, _ in old }
        metrics.add(.chunksReused, chunks.count { vectors[$0.index] != nil })
        try await patience.run { try await embed(chunks.filter { vectors[$0.index] == nil }, into: &vectors) }
        try await patience.run { try await use(vectors) }
    }

    /// An earlier attempt has left vectors here, which another worker would pay for again.
    func holds(_ key: PaidVectors.Key) -> Bool { paid.holds(key) }

    /// The generation has come to its end.
    func forget(_ key: PaidVectors.Key) { _ = paid.take(key) }

    /// Equal texts are embedded once.
    private func embed(_ chunks: [ChunkPayload], into vectors: inout [Int: [Float]]) async throws {
        var places: [String: Int] = [:]
        var fresh: [ChunkPayload] = []
        for chunk in chunks where places[chunk.contentHash] == nil {
            places[chunk.contentHash] = fresh.count
            fresh.append(chunk)
        }
        let results = try await embeddings.embed(fresh.map { EmbeddingInput(text: $0.text, tokens: $0.tokens) })
        var worst: (any Error)?
        for (chunk, result) in zip(fresh, results) {
            switch result {
            case .success: metrics.add(.tokensEmbedded, chunk.tokens)
            case .failure(let error): if worst.map({ Failure($0).isPassing }) ?? true { worst = error }
            }
        }
        for chunk in chunks {
            guard let place = places[chunk.contentHash], case .success(let vector) = results[place] else { continue }
            vectors[chunk.index] = vector
        }
        metrics.add(.chunksEmbedded, results.count { if case .success = $0 { true } else { false } })
        if let worst { throw worst }
    }

    /// Vectors of the live version's chunks with the same text, by our chunk index.
    private func reusable(_ chunks: [ChunkPayload], _ document: DocumentID, _ live: LiveGeneration?) async throws
        -> [Int: [Float]]
    {
        guard let live, live.chunkCount > 0, !chunks.isEmpty else { return [:] }
        let hashes = try await index.hashes(document, generation: live.generation, count: live.chunkCount)
        let byHash = Dictionary(hashes.map { ($1, $0) }) { min($0, $1) }
        let sources = chunks.compactMap { chunk in byHash[chunk.contentHash].map { (chunk.index, $0) } }
        let wanted = Set(sources.map(\.1)).sorted()
        let found = try await index.vectors(document, generation: live.generation, chunks: wanted)
        return Dictionary(
            uniqueKeysWithValues: sources.compactMap { target, source in found[source].map { (target, $0) } }
        )
    }
}
