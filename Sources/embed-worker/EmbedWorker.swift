import IngestCore

/// Chunks in, searchable vectors out.
@main
struct EmbedWorker: Worker {
    static let program = Program(
        name: "embed-worker",
        summary:
            "Embeds the chunks that ingest-worker hands over, and keeps the OpenSearch index in step with the bucket.",
        declarations: EmbedConfiguration.declarations
    )

    let configuration: EmbedConfiguration
    let services: Services
    let shutdown: Shutdown

    func run() async throws {
        let run = WorkerRun(services: services, configuration: configuration.worker, shutdown: shutdown)
        try run.serveHealth(defaultPort: 8081)
        let names = configuration.common.names
        let ledger = services.ledger(names)
        let index = OpenSearchIndex(
            name: names.writeAlias,
            client: services.openSearch,
            time: services.time,
            bulkBytes: configuration.bulkBytes
        )
        let embeddings = EmbeddingBatcher(
            configuration.embeddings.embedder(services, requests: configuration.requests),
            inputs: configuration.batchInputs,
            tokens: configuration.batchTokens,
            concurrency: configuration.requests,
            time: services.time
        )
        let queue = services.queue(configuration.worker.chunkQueue)
        let pipeline = EmbedPipeline(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handOver: HandOver(
                store: services.objectStore(),
                bucket: configuration.worker.handOverBucket,
                prefix: configuration.worker.handOverPrefix,
                inlineBytes: 0
            ),
            eventQueue: services.queue(configuration.worker.ingestQueue),
            indexName: names.chunks,
            stalenessBound: configuration.staleness,
            chunkQueue: queue,
            tidyAfter: configuration.tidyAfter,
            patience: Patience(limit: .seconds(900), time: services.time, random: services.random),
            time: services.time,
            metrics: run.environment.metrics,
            log: run.environment.log
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            group.addTask { await embeddings.run() }
            try await run.loop(queue, tidy: { await pipeline.tidy($0) }) { await pipeline.handle($0) }
            group.cancelAll()
        }
    }

    func check() async -> CheckReport {
        var report = CheckReport()
        let object = ObjectReference(
            bucket: configuration.worker.handOverBucket,
            key: configuration.worker.handOverPrefix + ".check"
        )
        await report.queue(services.queue(configuration.worker.chunkQueue), "CHUNK_QUEUE_URL")
        await report.item("HANDOVER_BUCKET", object.description) {
            _ = try await services.objectStore().readBytes(object, maximum: 1024)
        }
        await report.openSearch(services.openSearch, configuration.common)
        await report.item(
            "OPENAI_BASE_URL",
            "\(configuration.embeddings.provider.endpoint), \(configuration.common.model)"
        ) {
            let answer = await configuration.embeddings.embedder(services, requests: 1).embed([
                EmbeddingInput(text: "check", tokens: 1)
            ])
            _ = try answer[0].get()
        }
        return report
    }
}
