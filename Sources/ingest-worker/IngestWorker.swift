import IngestCore

/// Events of a bucket in, chunks out.
@main
struct IngestWorker: Worker {
    static let program = Program(
        name: "ingest-worker",
        summary: "Reads documents of an S3 bucket as its events name them, and hands their chunks to embed-worker.",
        declarations: IngestConfiguration.declarations
    )

    let configuration: IngestConfiguration
    let services: Services
    let shutdown: Shutdown

    func run() async throws {
        if let target = configuration.replay { return try await replay(target) }
        let run = WorkerRun(services: services, configuration: configuration.worker, shutdown: shutdown)
        let extractors = try extractors(run.environment.metrics)
        if configuration.extractor.isSandboxed {
            run.environment.log.notice("the extractor's sandbox holds", ["landlock": "\(extractors.landlock)"])
        } else {
            run.environment.log.error("UNSAFE: documents are parsed without a sandbox (--unsafe-no-sandbox)")
        }
        try run.serveHealth(defaultPort: 8080)
        let ledger = services.ledger(configuration.common.names)
        let store = services.objectStore(scratch: configuration.scratch, maximumBytes: configuration.maximumObjectBytes)
        let pipeline = IngestPipeline(
            ledger: ledger,
            store: store,
            extractor: extractors.chain,
            chunker: configuration.chunker,
            handOver: HandOver(
                store: store,
                bucket: configuration.worker.handOverBucket,
                prefix: configuration.worker.handOverPrefix,
                inlineBytes: configuration.inlineBytes
            ),
            chunkQueue: services.queue(configuration.worker.chunkQueue),
            settings: configuration.pipeline,
            time: services.time,
            metrics: run.environment.metrics,
            log: run.environment.log
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            let queue = services.queue(configuration.worker.ingestQueue)
            try await run.loop(queue, mergeKey: IngestPipeline.mergeKey, tidy: { await pipeline.tidy($0) }) {
                await pipeline.handle($0)
            }
            group.cancelAll()
        }
    }

    /// What reads documents, after proof that its sandboxes hold, and the kernel's Landlock version.
    private func extractors(_ metrics: Metrics) throws -> (chain: any Extractor, landlock: Int) {
        let pool = ExtractorPool(configuration.extractor)
        let landlock = try pool.probe()
        guard let settings = configuration.ocr else { return (pool, landlock) }
        let ocr = ExtractorPool(settings)
        _ = try ocr.probe()
        return (RecognizingExtractor(reader: pool, recognizer: ocr, metrics: metrics), landlock)
    }

    private func replay(_ target: ReplayTarget) async throws {
        let replay = Replay(
            store: services.objectStore(),
            queue: services.queue(configuration.worker.ingestQueue),
            target: target,
            settings: configuration.pipeline,
            isDryRun: configuration.isDryRun,
            log: services.log
        )
        let total = try await replay.run()
        Self.program.print(
            "\(configuration.isDryRun ? "would send" : "sent") \(total.objects) events for \(total.bytes) bytes\n"
        )
    }

    func check() async -> CheckReport {
        var report = CheckReport()
        let object = ObjectReference(
            bucket: configuration.worker.handOverBucket,
            key: configuration.worker.handOverPrefix + ".check"
        )
        await report.queue(services.queue(configuration.worker.ingestQueue), "INGEST_QUEUE_URL")
        await report.queue(services.queue(configuration.worker.chunkQueue), "CHUNK_QUEUE_URL", isSource: false)
        await report.item("HANDOVER_BUCKET", object.description) { try await services.objectStore().write(object, []) }
        await report.openSearch(services.openSearch, configuration.common)
        await report.item("document-extractor", configuration.extractor.path) {
            _ = try ExtractorPool(configuration.extractor).probe()
        }
        if let ocr = configuration.ocr {
            await report.item("document-ocr", ocr.path) { _ = try ExtractorPool(ocr).probe() }
        }
        return report
    }
}
