import IngestCore
import IngestTestKit
import embed_worker
import ingest_worker

/// The real loops, pipelines and clients of both workers, over a simulated process.
struct SimulatedFleet {
    static let names = IndexNames(
        alias: "t",
        fingerprint: PipelineFingerprint(chunkTokens: 32, chunkOverlap: 0, tokenizer: "x", model: "m", dimensions: 4)
    )
    static let grace = Duration.seconds(5)
    private static let chunker = Chunker(tokens: 32, overlap: 0)

    let process: SimulatedProcess
    let shutdown: Shutdown
    private let environment: LoopEnvironment
    private let gate: FleetGate
    private let random: RandomSource
    private let signed: @Sendable (String) -> AWSClient

    private struct Silence: LogSink {
        func write(_ line: LogLine) {}
    }

    init(_ process: SimulatedProcess, _ shutdown: Shutdown, seed: UInt64) {
        self.process = process
        self.shutdown = shutdown
        let state = Locked(SplitMix64(state: seed))
        let random = RandomSource { state.withLock { $0.next() } }
        self.random = random
        let log = Log(label: process.name, level: .critical, sink: Silence(), time: process)
        gate = FleetGate(log: log)
        let heartbeat = Heartbeat(process.uptime)
        environment = LoopEnvironment(
            time: process,
            random: random,
            log: log,
            metrics: Metrics(),
            health: Health(gate: gate, heartbeat: heartbeat),
            heartbeat: heartbeat
        )
        let credentials = CachedCredentials(SimulatedCredentials(process: process), time: process)
        let clock = ServerClock()
        signed = { service in
            AWSClient(
                SignedClient(
                    signer: SigV4Signer(service: service, region: "us-east-1"),
                    http: process,
                    credentials: credentials,
                    clock: clock,
                    time: process
                ),
                retrying: Retrying(time: process, random: random)
            )
        }
    }

    private func queue(_ name: String) -> SQSQueue {
        SQSQueue(
            url: "http://sqs/0/\(name)",
            client: signed("sqs"),
            endpoint: Endpoint(isSecure: false, host: "sqs"),
            time: process
        )
    }

    private var store: S3ObjectStore {
        S3ObjectStore(
            client: signed("s3"),
            endpoints: AWSEndpoints(environment: ["AWS_ENDPOINT_URL": "http://s3"]),
            scratch: "/dev/shm",
            maximumBytes: 1 << 20
        )
    }

    private var openSearch: OpenSearchClient {
        let policy = RetryPolicy(maximumAttempts: 4, base: .milliseconds(200))
        return OpenSearchClient(
            endpoint: Endpoint(isSecure: false, host: "search"),
            http: process,
            retrying: Retrying(policy: policy, time: process, random: random)
        )
    }

    private func loop(
        _ name: String,
        mergeKey: @escaping @Sendable (Delivery) -> String? = { _ in nil },
        tidy: @escaping @Sendable (WorkLoop.Job) async -> [DeadLetter] = { _ in [] },
        work: @escaping @Sendable (WorkLoop.Job) async -> Outcome
    ) -> WorkLoop {
        let process = process
        return WorkLoop(
            queue: WatchedQueue(queue: queue(name), process: process),
            deadLetters: queue("dead"),
            settings: WorkLoop.Settings(
                concurrency: process.world.story.concurrency,
                pollWait: .seconds(20),
                grace: Self.grace
            ),
            visibilityTimeout: World.visibility,
            gate: gate,
            shutdown: shutdown,
            environment: environment,
            mergeKey: mergeKey,
            tidy: tidy
        ) { job in
            process.world.watcher.begins(job, process)
            let outcome = await work(job)
            process.world.watcher.ends(job, process)
            return outcome
        }
    }

    func runIngest() async {
        let ledger = OpenSearchLedger(index: Self.names.ledger, client: openSearch, time: process)
        let store = store
        let pipeline = IngestPipeline(
            ledger: ledger,
            store: store,
            extractor: ParagraphExtractor(),
            chunker: Self.chunker,
            handOver: HandOver(store: store, bucket: World.handOvers, inlineBytes: process.world.story.inlineBytes),
            chunkQueue: queue("chunks"),
            settings: IngestSettings(
                rules: DocumentRules(tenant: "t"),
                names: Self.names,
                handOverBucket: World.handOvers,
                handOverPrefix: "hand-over/",
                removesRejected: process.world.story.removesRejected
            ),
            time: process,
            metrics: environment.metrics,
            log: environment.log
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            await loop("events", mergeKey: IngestPipeline.mergeKey, tidy: { await pipeline.tidy($0) }) {
                await pipeline.handle($0)
            }.run()
            group.cancelAll()
        }
    }

    func runEmbed() async {
        let ledger = OpenSearchLedger(index: Self.names.ledger, client: openSearch, time: process)
        let index = OpenSearchIndex(name: Self.names.writeAlias, client: openSearch, time: process)
        let provider = OpenAIEmbedder(
            OpenAIEmbedder.Settings(
                endpoint: Endpoint(isSecure: false, host: "provider"),
                apiKey: "k",
                model: "m",
                dimensions: 4
            ),
            http: process,
            retrying: Retrying(policy: OpenAIEmbedder.policy, time: process, random: random),
            limiter: RateLimiter(maximumInFlight: 2, time: process)
        )
        let embeddings = EmbeddingBatcher(provider, inputs: 3, concurrency: 2, time: process)
        let pipeline = EmbedPipeline(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handOver: HandOver(store: store, bucket: World.handOvers, inlineBytes: 0),
            eventQueue: queue("events"),
            indexName: Self.names.chunks,
            stalenessBound: .seconds(30),
            chunkQueue: queue("chunks"),
            tidyAfter: .seconds(90),
            patience: Patience(limit: .seconds(900), time: process, random: random),
            time: process,
            metrics: environment.metrics,
            log: environment.log
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            group.addTask { await embeddings.run() }
            await loop("chunks", tidy: { await pipeline.tidy($0) }) { await pipeline.handle($0) }.run()
            group.cancelAll()
        }
    }
}

/// Sees how the loop uses its receipts.
private struct WatchedQueue: MessageQueue {
    let queue: SQSQueue
    let process: SimulatedProcess

    func receive(maximum: Int, wait: Duration) async throws -> [Delivery] {
        try await queue.receive(maximum: maximum, wait: wait)
    }

    func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>] {
        process.world.watcher.uses(receipts, process)
        let results = try await queue.delete(receipts)
        for (receipt, result) in zip(receipts, results) {
            if case .success = result { process.world.watcher.deleted(receipt) }
        }
        return results
    }

    func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
        process.world.watcher.uses(receipts, process)
        return try await queue.setVisibility(receipts, timeout)
    }

    func send(_ message: OutgoingMessage) async throws { try await queue.send(message) }
    func attributes() async throws -> QueueAttributes { try await queue.attributes() }
}
