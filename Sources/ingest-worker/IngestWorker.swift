import AsyncPrimitives
import IngestCore
import Observability
import Resilience

/// Events of a bucket in, chunks out.
@main
struct IngestWorker: Worker {
    static let program = Program(
        name: "ingest-worker",
        summary: "Reads documents of an S3 bucket as its events name them, and enqueues their chunks for embed-worker.",
        declarations: IngestConfiguration.declarations
    )

    let configuration: IngestConfiguration
    static let defaultPort: UInt16 = 8080
    let services: Services
    let shutdown: Shutdown

    func run() async throws {
        if let settings = configuration.replay { return try await replay(settings) }
        let ledger = services.ledger(configuration.common.names)
        let store = store
        let pool = ExtractorPool(configuration.extractor, metrics: services.metrics)
        let run = WorkerRun(services: services, configuration: configuration.worker, shutdown: shutdown) {
            dependency,
            object in
            try await probe(dependency, object, ledger, store)
        }
        let extractors = try extractors(pool, run.environment.metrics)
        if configuration.extractor.isSandboxed {
            run.environment.log.notice("extractor sandbox verified", ["landlock": "\(extractors.landlock)"])
        } else {
            run.environment.log.error("UNSAFE: documents are parsed without a sandbox (--unsafe-no-sandbox)")
        }
        try run.serveHealth(defaultPort: Self.defaultPort)
        guard try await registration.admit(run) != nil else { return }
        let chunkQueue = services.queue(configuration.worker.chunkQueue)
        guard let chunkAttributes = try await run.attributes(chunkQueue) else { return }
        let stages = IngestPipeline.Stages(
            ledger: ledger,
            store: documents(store),
            extractor: extractors.chain,
            chunker: chunker,
            handoff: ChunkHandoff(
                store: store,
                bucket: configuration.worker.handoffBucket,
                prefix: configuration.worker.handoffPrefix,
                inlineBytes: chunkAttributes.inlineBytes(atMost: configuration.inlineBytes)
            ),
            chunkQueue: chunkQueue
        )
        let pipeline = IngestPipeline(stages, settings: configuration.pipeline, environment: run.environment)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            let control = WorkerControl(
                services: services,
                index: configuration.common.names.chunks,
                kind: Self.program.name,
                shutdown: shutdown,
                environment: run.environment
            )
            try await run.loop(services.queue(configuration.worker.ingestQueue), control, pipeline.handler)
            group.cancelAll()
        }
    }

    /// Objects are downloaded into the configured folder, up to the configured size.
    var store: S3ObjectStore {
        services.objectStore(
            temporaryFolder: configuration.temporaryFolder,
            maximumBytes: configuration.maximumObjectBytes
        )
    }

    /// The objects with what stands beside them.
    func documents(_ store: S3ObjectStore) -> any ObjectStore {
        let metadata = configuration.common.metadata
        return metadata.sources.isEmpty ? store : DescribedObjects(store, settings: metadata)
    }

    var chunker: ThreadedChunker {
        ThreadedChunker(
            configuration.chunker,
            deadline: configuration.extractor.deadline,
            deadlineName: "EXTRACT_SECONDS"
        )
    }

    private var registration: WorkerRegistration {
        WorkerRegistration(
            services: services,
            names: configuration.common.names,
            kind: Self.program.name,
            rules: (configuration.documents, configuration.common.tenant)
        )
    }

    /// What reads documents, after proof that its sandboxes hold, and the kernel's Landlock version.
    func extractors(_ pool: ExtractorPool, _ metrics: Metrics) throws -> (chain: any Extractor, landlock: Int) {
        let landlock = try pool.probe()
        guard let settings = configuration.ocr else { return (pool, landlock) }
        let ocr = ExtractorPool(settings, metrics: metrics)
        _ = try ocr.probe()
        return (RecognizingExtractor(reader: pool, recognizer: ocr, metrics: metrics), landlock)
    }

    private func probe(
        _ dependency: Dependency,
        _ object: ObjectReference?,
        _ ledger: OpenSearchLedger,
        _ store: S3ObjectStore
    ) async throws {
        switch dependency {
        case .ledger: try await ledger.probe(at: services.time.now)
        case .bucket(configuration.worker.handoffBucket):
            try await store.write(configuration.worker.handoffCheck, [])
        case .bucket(let name): try await store.probe(bucket: name, avoiding: object)
        case .queue(let url):
            let queue = services.queue(url)
            if url == configuration.worker.ingestQueue { try await queue.probeDelete() }
            let body =
                url == configuration.worker.chunkQueue
                ? try ChunkMessage.probeBody(index: configuration.common.names.chunks) : ObjectChange.probeEvent
            try await queue.probeSend(body)
        case .host:
            try TemporaryFile(folder: configuration.temporaryFolder).probe()
            let settings = configuration.extractor
            // A child is started and waited for: not on a thread of the pool.
            _ = try await BlockingCall.run { _ in try ExtractorPool.probe(settings) }
        case .index, .provider: break
        }
    }

    func check() async -> CheckReport {
        var report = CheckReport()
        let object = configuration.worker.handoffCheck
        let ingestQueue = services.queue(configuration.worker.ingestQueue)
        let chunkQueue = services.queue(configuration.worker.chunkQueue)
        await report.queue(ingestQueue, "INGEST_QUEUE_URL")
        await report.queue(chunkQueue, "CHUNK_QUEUE_URL", isSource: false)
        await report.notNotified(chunkQueue, "CHUNK_QUEUE_URL")
        if let attributes = try? await chunkQueue.attributes() {
            let most = attributes.inlineBytes(atMost: .max)
            if most < configuration.inlineBytes {
                report.warn(
                    "HANDOVER_INLINE_BYTES",
                    "the chunk queue takes messages of \(attributes.maximumMessageBytes) bytes: \(most) is used"
                )
            }
        }
        await checkDocuments(ingestQueue, &report)
        await report.item("HANDOVER_BUCKET", object.description) { try await services.objectStore().write(object, []) }
        await report.item("TMPDIR", configuration.temporaryFolder) {
            try TemporaryFile(folder: configuration.temporaryFolder).probe()
        }
        await report.openSearch(services.openSearch, configuration.common)
        await report.value("pipeline") { try await registration.check(services, configuration.worker) }
        await report.item("document-extractor", configuration.extractor.path) {
            try ExtractorPool.probe(configuration.extractor)
        }
        if let ocr = configuration.ocr {
            await report.item("document-ocr", ocr.path) { try ExtractorPool.probe(ocr) }
        }
        return report
    }

    /// The documents' buckets can be listed and read, and notify the queue. They are those of DOCUMENTS, else those of the queue's policy.
    private func checkDocuments(_ queue: SQSQueue, _ report: inout CheckReport) async {
        let attributes = try? await queue.attributes()
        var buckets = configuration.pipeline.rules.buckets
        if buckets.isEmpty { buckets = attributes?.notifyingBuckets.filter { !$0.contains("*") } ?? [] }
        if buckets.isEmpty, attributes?.notifyingBuckets.isEmpty == true {
            report.warn(
                "INGEST_QUEUE_URL",
                "the queue's policy lets no bucket send to it: no event arrives, unless SNS or EventBridge forwards them"
            )
        }
        let store = services.objectStore()
        for bucket in buckets {
            await report.item("DOCUMENTS", "s3://\(bucket)") { try await store.probe(bucket: bucket, avoiding: nil) }
            guard let arn = attributes?.arn else { continue }
            do {
                guard let problem = try await store.notifications(of: bucket).problem(arn) else { continue }
                report.fail("DOCUMENTS", "s3://\(bucket): \(problem)")
            } catch {
                let reason = Failure(error).summary
                report.warn("DOCUMENTS", "the notifications of s3://\(bucket) cannot be looked at: \(reason)")
            }
        }
    }
}
