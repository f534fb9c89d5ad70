import AsyncPrimitives
import Observability
import Resilience

/// Vectors for a generation's chunks, window by window: those that an interrupted attempt has paid for, those of chunks with the same text in
/// the live version or in this one, and the rest from the provider.
struct VectorSource: Sendable {
    let stages: EmbedPipeline.Stages
    let paid = UncommittedVectorCache()
    let spends = SpendByGeneration()
    let retryBudget: RetryBudget
    let environment: LoopEnvironment
    let settings: EmbedSettings
    private var index: any ChunkIndex { stages.index }
    private var metrics: Metrics { environment.metrics }
    /// Chunks in a window.
    private var window: Int { settings.window }

    /// Chunks with texts that have no vector anywhere, of equal ones the first.
    func unknown(_ missing: [Int], of chunks: ChunkSet, over known: KnownChunks) throws -> [Int] {
        var seen = Set<String>()
        return try missing.filter { place in
            let hash = try chunks.chunk(place).contentHash
            let isKnown =
                known.own[hash] != nil || known.byLiveHash[hash] != nil || known.donated.contains { $0.has(hash) }
            return !isKnown && seen.insert(hash).inserted
        }
    }

    /// Provides vectors for the chunks `missing` to `use`, which writes them. While a window is written the next is embedded; no more than two
    /// are in memory. What was paid for and is not written is kept until `forget`, for an attempt that has to begin again.
    func provide(
        _ missing: [Int],
        of chunks: ChunkSet,
        for key: UncommittedVectorCache.Key,
        over known: KnownChunks,
        with given: [Int: [Float]] = [:],
        use: @escaping @Sendable ([ChunkPayload], [Int: [Float]]) async throws -> Void
    ) async throws {
        let held = LockedValue(paid.take(key).merging(given) { own, _ in own })
        defer { paid.keep(held.withLock { $0 }, key) }
        var known = known
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: missing.count, by: window) {
                let part = try chunks.chunks(missing[start..<min(missing.count, start + window)])
                try await fill(held, for: part, &known)
                // The window before.
                try await group.next()
                group.addTask {
                    let vectors = held.withLock { held in
                        Dictionary(uniqueKeysWithValues: part.compactMap { c in held[c.index].map { (c.index, $0) } })
                    }
                    try await retryBudget.run(key.description) { try await use(part, vectors) }
                    held.withLock { held in for chunk in part { held[chunk.index] = nil } }
                }
            }
            try await group.waitForAll()
        }
    }

    /// An earlier attempt has left vectors here, which another worker would pay for again.
    func holds(_ key: UncommittedVectorCache.Key) -> Bool { paid.holds(key) }

    /// The generation has come to its end.
    func forget(_ key: UncommittedVectorCache.Key) {
        _ = paid.take(key)
        spends.forget(key)
    }

    /// Sees to it that `held` has a vector for each of `chunks`.
    private func fill(_ held: LockedValue<[Int: [Float]]>, for chunks: [ChunkPayload], _ known: inout KnownChunks)
        async throws
    {
        let before = held.withLock { held in chunks.filter { held[$0.index] == nil } }
        let reused = try await reusable(before, known, held)
        held.withLock { $0.merge(reused) { old, _ in old } }
        let unpaid = before.filter { reused[$0.index] == nil }
        metrics.add(.chunksReused, chunks.count - unpaid.count)
        try await retryBudget.run(known.document.description) {
            let texts = held.withLock { held in unpaid.filter { held[$0.index] == nil } }
            try await embed(texts, for: known, into: held)
        }
        for chunk in chunks { known.own[chunk.contentHash] = known.own[chunk.contentHash] ?? chunk.index }
    }

    /// Equal texts are embedded once.
    private func embed(_ chunks: [ChunkPayload], for known: KnownChunks, into held: LockedValue<[Int: [Float]]>)
        async throws
    {
        guard !chunks.isEmpty else { return }
        var places: [String: Int] = [:]
        var fresh: [ChunkPayload] = []
        for chunk in chunks where places[chunk.contentHash] == nil {
            places[chunk.contentHash] = fresh.count
            fresh.append(chunk)
        }
        let inputs = fresh.map {
            EmbeddingInput(text: $0.embeddedText, tokens: $0.embeddedTokens, tenant: known.tenant, lane: known.lane)
        }
        let results = try await environment.traced("embed", .client, .embedding) { span in
            span.set("gen_ai.operation.name", "embeddings")
            span.set("ingest.chunks", inputs.count)
            span.set("ingest.tokens", inputs.reduce(0) { $0 + $1.tokens })
            return try await stages.embeddings.embed(inputs)
        }
        var first: (any Error)?
        for (chunk, result) in zip(fresh, results) {
            switch result {
            case .success(let embedding):
                metrics.add(.tokensEmbedded, chunk.embeddedTokens)
                count(embedding.tokens, for: known)
                environment.drift.add(embedding.vector)
            case .failure(let error): if first.map({ Failure($0).isRetryable }) ?? true { first = error }
            }
        }
        held.withLock { held in
            for chunk in chunks {
                guard let place = places[chunk.contentHash], case .success(let embedding) = results[place] else {
                    continue
                }
                held[chunk.index] = embedding.vector
            }
        }
        metrics.add(.chunksEmbedded, results.count { if case .success = $0 { true } else { false } })
        if let first { throw first }
    }

    /// Counts what a text has cost.
    ///
    /// - Parameter share: of the price.
    func count(_ tokens: Int, for known: KnownChunks, share: Double = 1) {
        let spend = EmbeddingSpend(tokens: tokens, cost: settings.price?.times(share).billionths(tokens: tokens) ?? 0)
        metrics.add(.tokensBilled, spend.tokens)
        metrics.add(.embeddingCost, spend.cost)
        spends.add(spend, to: UncommittedVectorCache.Key(known.document, known.generation))
        stages.usage?.add(spend, chunks: 1, of: known.tenant)
    }

    /// Vectors of chunks with the same text that are in the index or in memory, by chunk index.
    private func reusable(_ chunks: [ChunkPayload], _ known: KnownChunks, _ held: LockedValue<[Int: [Float]]>)
        async throws
        -> [Int: [Float]]
    {
        var found: [Int: [Float]] = [:]
        var sources: [Int: [(target: Int, source: Int)]] = [:]
        for chunk in chunks {
            if let own = known.own[chunk.contentHash] {
                if let vector = held.withLock({ $0[own] }) {
                    found[chunk.index] = vector
                } else {
                    sources[known.generation, default: []].append((chunk.index, own))
                }
            } else if let live = known.live, let source = known.byLiveHash[chunk.contentHash] {
                sources[live, default: []].append((chunk.index, source))
            }
        }
        for donated in known.donated {
            found.merge(try await donated.vectors(for: chunks, of: known)) { own, _ in own }
        }
        if settings.reusesWithinTenant {
            let placed = Set(sources.values.joined().map(\.target))
            let left = chunks.filter { found[$0.index] == nil && !placed.contains($0.index) }
            found.merge(try await others(left, of: known.tenant)) { own, _ in own }
        }
        for (generation, pairs) in sources.sorted(by: { $0.key < $1.key }) {
            let places = Set(pairs.map(\.source)).sorted()
            let vectors = try await index.vectors(known.document, generation: generation, chunks: places)
            for (target, source) in pairs { if let vector = vectors[source] { found[target] = vector } }
        }
        return found
    }
}

extension VectorSource {
    /// Vectors that other documents of the tenant have for these texts, by chunk index. They only save a payment: none where they cannot be read.
    private func others(_ chunks: [ChunkPayload], of tenant: String) async throws -> [Int: [Float]] {
        guard !chunks.isEmpty else { return [:] }
        let hashes = Set(chunks.map(\.contentHash)).sorted()
        let found = try? await index.vectors(ofHashes: hashes, tenant: tenant)
        try Task.checkCancellation()
        let pairs = chunks.compactMap { chunk in found?[chunk.contentHash].map { (chunk.index, $0) } }
        return Dictionary(pairs) { first, _ in first }
    }
}

/// Which texts of a document have vectors already, by content hash.
struct KnownChunks: Sendable {
    var document: DocumentID
    var tenant: String
    /// The generation that is written.
    var generation: Int
    var own: [String: Int]
    /// The live generation; nil where nothing is live.
    var live: Int?
    var byLiveHash: [String: Int] = [:]
    var donated: [Donated] = []
    var lane = Lane.live

    /// - Parameters:
    ///   - written: chunks of the generation that are in the index.
    ///   - live: chunks of the live generation that are in the index.
    init(
        _ document: DocumentID,
        of tenant: String,
        _ generation: Int,
        written: [Int: String],
        live: (generation: Int, chunks: [Int: String])?
    ) {
        self.document = document
        self.tenant = tenant
        self.generation = generation
        own = Dictionary(written.map { ($1, $0) }) { min($0, $1) }
        self.live = live?.generation
        byLiveHash = Dictionary((live?.chunks ?? [:]).map { ($1, $0) }) { min($0, $1) }
    }
}
