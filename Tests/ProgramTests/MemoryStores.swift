import ExtractionWire
import IngestCore
import IngestTestKit

/// What both pipelines work on, in memory and on a virtual clock, and the pipelines over it.
struct MemoryStores: Sendable {
    let time = VirtualTime()
    let store = InMemoryObjectStore()
    let ledger = InMemoryLedger()
    let names = IndexNames(
        alias: "t",
        fingerprint: PipelineFingerprint(
            chunking: ChunkingSettings(tokens: 16, overlap: 0),
            tokenizer: "x",
            model: "m",
            dimensions: 4
        )
    )

    /// - Parameter adjust: changes the settings of the tests.
    func ingest(
        into chunks: InMemoryQueue,
        extractor: any Extractor = ParagraphExtractor(),
        handoff: ChunkHandoff? = nil,
        environment: LoopEnvironment,
        adjust: (inout IngestSettings) -> Void = { _ in }
    ) -> IngestPipeline {
        var settings = IngestSettings(
            rules: DocumentRules(tenant: "default"),
            names: names,
            handoffBucket: "hand",
            handoffPrefix: "hand-over/"
        )
        adjust(&settings)
        return IngestPipeline(
            IngestPipeline.Stages(
                ledger: ledger,
                store: store,
                extractor: extractor,
                chunker: Chunker(tokens: 16, overlap: 0),
                handoff: handoff ?? ChunkHandoff(store: store, bucket: "hand", inlineBytes: 100_000),
                chunkQueue: chunks
            ),
            settings: settings,
            environment: environment
        )
    }

    /// - Parameter queues: where fresh events and later looks go.
    func embed(
        _ embeddings: EmbeddingBatcher,
        into index: any ChunkIndex,
        queues: (events: InMemoryQueue, sweeps: InMemoryQueue),
        donors: [VectorDonor] = [],
        reusesWithinTenant: Bool = false,
        environment: LoopEnvironment
    ) -> EmbedPipeline {
        var stages = EmbedPipeline.Stages(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handoff: ChunkHandoff(store: store, bucket: "hand", inlineBytes: 0),
            eventQueue: queues.events,
            chunkQueue: queues.sweeps
        )
        stages.donors = donors
        var settings = EmbedSettings(indexName: names.chunks, dimensions: 4, retryBudget: .zero)
        settings.reusesWithinTenant = reusesWithinTenant
        return EmbedPipeline(stages, settings: settings, environment: environment)
    }
}
