import AsyncPrimitives
import IngestCore
import Observability
import Resilience

/// Chunks in, searchable vectors out.
@main
struct EmbedWorker: Worker {
    static let program = Program(
        name: "embed-worker",
        summary:
            "Embeds the chunks that ingest-worker enqueues, and keeps the OpenSearch index in step with the bucket.",
        declarations: EmbedConfiguration.declarations
    )

    let configuration: EmbedConfiguration
    static let defaultPort: UInt16 = 8081
    let services: Services
    let shutdown: Shutdown

    func run() async throws {
        let names = configuration.common.names
        let ledger = services.ledger(names)
        let store = services.objectStore()
        let index = OpenSearchIndex(
            name: names.writeAlias,
            client: services.openSearch,
            time: services.time,
            bulkBytes: configuration.bulkBytes
        )
        let budget = configuration.budget.budget(services)
        let embedder = configuration.embeddings.embedder(services, requests: configuration.requests, budget: budget)
        let embeddings = EmbeddingBatcher(
            embedder,
            inputs: configuration.batchInputs,
            tokens: configuration.batchTokens,
            concurrency: configuration.requests,
            time: services.time
        )
        let run = WorkerRun(services: services, configuration: configuration.worker, shutdown: shutdown) {
            dependency,
            _ in
            try await probe(dependency, ledger, index, embedder, store)
        }
        try run.serveHealth(defaultPort: Self.defaultPort)
        guard let pipelines = try await registration.admit(run) else { return }
        let queue = services.queue(configuration.worker.chunkQueue)
        var stages = EmbedPipeline.Stages(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handoff: ChunkHandoff(
                store: store,
                bucket: configuration.worker.handoffBucket,
                prefix: configuration.worker.handoffPrefix,
                inlineBytes: 0
            ),
            eventQueue: services.queue(configuration.worker.ingestQueue),
            chunkQueue: queue
        )
        let usage = UsageMeter(index: names.chunks, time: services.time, random: services.random)
        let usages = UsageRecords(client: services.openSearch)
        run.environment.metrics.read { usage.readings }
        stages.usage = usage
        stages.donors = VectorDonor.all(of: names, among: pipelines, services)
        let collector = batches(embedder, store, &stages, run.environment)
        let control = WorkerControl(
            services: services,
            index: names.chunks,
            kind: Self.program.name,
            shutdown: shutdown,
            environment: run.environment
        ) { embedder.limiter.gauges }
        run.environment.metrics.read { embedder.limiter.readings }
        let pipeline = EmbedPipeline(stages, settings: configuration.pipeline, environment: run.environment)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            group.addTask { await embeddings.run() }
            group.addTask { await usage.run(usages, log: services.log) }
            group.addTask { await watchDrift(index, run.environment) }
            if let collector { group.addTask { await collect(collector) } }
            await learn(embedder, run.environment.breakers)
            try await run.loop(queue, control, pipeline.handler)
            group.cancelAll()
        }
        await budget?.leave()
        await usage.flush(usages, services.log)
    }

    /// The lane of `--replay --batch`, where the provider has such an API.
    private func batches(
        _ embedder: OpenAIEmbedder,
        _ store: S3ObjectStore,
        _ stages: inout EmbedPipeline.Stages,
        _ environment: LoopEnvironment
    ) -> BatchCollector? {
        guard let api = configuration.embeddings.batches(services) else { return nil }
        let lane = BatchLane(
            records: OpenSearchBatchRecords(client: services.openSearch),
            store: store,
            bucket: configuration.worker.handoffBucket,
            prefix: configuration.worker.handoffPrefix,
            dimensions: configuration.common.dimensions
        )
        stages.batches = lane
        return BatchCollector(
            BatchCollector.Stages(
                lane: lane,
                batches: api,
                handoff: stages.handoff,
                ledger: stages.ledger,
                queue: stages.chunkQueue
            ),
            index: configuration.common.names.chunks,
            embedder: embedder,
            longestWait: configuration.batchWait,
            environment: environment
        )
    }

    private func collect(_ collector: BatchCollector) async {
        let index = configuration.common.names.chunks
        let lease = RegistryLease(
            "batches of \(index)",
            client: services.openSearch,
            time: services.time,
            length: .seconds(45)
        )
        await collector.run { round in try await lease.runIfFree(round) }
    }

    /// The index changes slowly: its mean is read once an hour.
    private func watchDrift(_ index: OpenSearchIndex, _ environment: LoopEnvironment) async {
        while !Task.isCancelled {
            var isKnown = false
            do {
                let mean = try await index.meanVector()
                environment.drift.compare(with: mean)
                isKnown = !mean.isEmpty
            } catch {
                environment.log.debug("the drift of vectors is not measured", ["error": Failure(error).summary])
            }
            try? await services.time.sleep(for: .seconds(isKnown ? 3600 : 60))
        }
    }

    private var registration: WorkerRegistration {
        WorkerRegistration(services: services, names: configuration.common.names, kind: Self.program.name)
    }

    /// A provider that takes no request is found before the first document is received.
    private func learn(_ embedder: OpenAIEmbedder, _ breakers: CircuitBreakers) async {
        do {
            _ = try await embedder.learnedProfile()
        } catch {
            _ = await breakers.isAvailable(.provider, about: nil, reason: Failure(error).of(.provider).summary)
        }
    }

    private func probe(
        _ dependency: Dependency,
        _ ledger: OpenSearchLedger,
        _ index: OpenSearchIndex,
        _ embedder: OpenAIEmbedder,
        _ store: S3ObjectStore
    ) async throws {
        switch dependency {
        case .ledger: try await ledger.probe(at: services.time.now)
        case .index: try await index.probe(dimensions: configuration.common.dimensions)
        case .provider: try await embedder.probe()
        case .bucket: _ = try await store.readBytes(configuration.worker.handoffCheck, maximum: 1024)
        case .queue(let url):
            let queue = services.queue(url)
            if url == configuration.worker.chunkQueue {
                try await queue.probeDelete()
                try await queue.probeSend(try ChunkMessage.probeBody(index: configuration.common.names.chunks))
            } else {
                try await queue.probeSend(ObjectChange.probeEvent)
            }
        case .host: break
        }
    }

    func check() async -> CheckReport {
        var report = CheckReport()
        let object = configuration.worker.handoffCheck
        let chunkQueue = services.queue(configuration.worker.chunkQueue)
        await report.queue(chunkQueue, "CHUNK_QUEUE_URL")
        await report.sending(
            services.queue(configuration.worker.ingestQueue),
            "INGEST_QUEUE_URL",
            ObjectChange.probeEvent
        )
        await report.notNotified(chunkQueue, "CHUNK_QUEUE_URL")
        await report.item("HANDOVER_BUCKET", object.description) {
            _ = try await services.objectStore().readBytes(object, maximum: 1024)
        }
        await report.openSearch(services.openSearch, configuration.common)
        await report.value("pipeline") { try await registration.check(services, configuration.worker) }
        let provider = configuration.embeddings.provider
        await report.value("OPENAI_BASE_URL") {
            let profile = try await configuration.embeddings.embedder(services, requests: 1).learnedProfile()
            return "\(provider.endpoint), \(configuration.common.model): takes \(profile)"
        }
        return report
    }
}
