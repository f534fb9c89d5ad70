extension EmbedPipeline {
    /// The stages of the way, in their order.
    package struct Stages: Sendable {
        package var ledger: any Ledger
        package var index: any ChunkIndex
        package var embeddings: EmbeddingBatcher
        package var handoff: ChunkHandoff
        /// For a fresh event where a chunk payload was lost.
        package var eventQueue: any MessageQueue
        /// The worker's own queue, for a look afterwards.
        package var chunkQueue: any MessageQueue
        /// Other pipelines' indexes with vectors of the same model.
        package var donors: [VectorDonor] = []
        /// Where replays wait for the provider's batch API; nil where it has none.
        package var batches: BatchLane?
        /// Counts what is paid for, by tenant.
        package var usage: UsageMeter?

        package init(
            ledger: any Ledger,
            index: any ChunkIndex,
            embeddings: EmbeddingBatcher,
            handoff: ChunkHandoff,
            eventQueue: any MessageQueue,
            chunkQueue: any MessageQueue
        ) {
            self.ledger = ledger
            self.index = index
            self.embeddings = embeddings
            self.handoff = handoff
            self.eventQueue = eventQueue
            self.chunkQueue = chunkQueue
        }
    }
}
