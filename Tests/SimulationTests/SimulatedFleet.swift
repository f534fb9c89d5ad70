import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import OpenSearch
import Resilience

/// The real loops, pipelines and clients of both workers, over a simulated process.
struct SimulatedFleet {
    static let grace = Duration.seconds(5)
    private static let chunker = Chunker(tokens: 32, overlap: 0)

    let process: SimulatedProcess
    let shutdown: Shutdown
    private let log: Log
    private let random: RandomSource
    private let signed: @Sendable (String) -> AWSClient

    private struct Silence: LogSink {
        func write(_ line: LogLine) {}
    }

    init(_ process: SimulatedProcess, _ shutdown: Shutdown, seed: UInt64) {
        self.process = process
        self.shutdown = shutdown
        let random = RandomSource.seeded(seed)
        self.random = random
        log = Log(label: process.name, level: .critical, sink: Silence(), time: process)
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

    private var lane: Lane { process.lane }
    private var names: IndexNames { lane.names }

    private func queue(_ name: String) -> SQSQueue {
        let isShared = process.world.pipeline(lane).usesFirstQueues
        return SQSQueue(
            url: "http://sqs/\(isShared ? 0 : lane.rawValue)/\(name)",
            client: signed("sqs"),
            endpoint: Endpoint(isSecure: false, host: "sqs"),
            time: process
        )
    }

    private var store: S3ObjectStore {
        S3ObjectStore(
            client: signed("s3"),
            endpoints: AWSEndpoints(environment: ["AWS_ENDPOINT_URL": "http://s3"]),
            temporaryFolder: "/dev/shm",
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

    private func environment(_ probe: @escaping CircuitBreakers.Probe) -> LoopEnvironment {
        LoopEnvironment(
            time: process,
            random: random,
            log: log,
            metrics: Metrics(),
            heartbeat: Heartbeat(process.uptime),
            breakers: CircuitBreakers(time: process, random: random, log: log, probe: probe)
        )
    }

    private func loop(_ name: String, _ environment: LoopEnvironment, _ handler: WorkLoop.Handler) -> WorkLoop {
        let process = process
        var handler = handler
        let work = handler.work
        handler.work = { job in
            process.world.watcher(process.lane).begins(job, process)
            let outcome = await work(job)
            process.world.watcher(process.lane).ends(job, process, outcome)
            return outcome
        }
        return WorkLoop(
            queue: WatchedQueue(queue: queue(name), process: process),
            deadLetters: queue("dead"),
            settings: WorkLoop.Settings(
                concurrency: process.world.story.concurrency,
                pollWait: .seconds(20),
                grace: Self.grace,
                visibilityTimeout: World.visibility
            ),
            shutdown: shutdown,
            environment: environment,
            handler: handler
        )
    }

    func runIngest() async {
        let ledger = OpenSearchLedger(index: names.ledger, client: openSearch, time: process)
        let store = store
        let environment = environment { [self] dependency, object in
            switch dependency {
            case .ledger: try await ledger.probe(at: process.now)
            case .bucket(World.handoffs):
                try await store.write(ObjectReference(bucket: World.handoffs, key: "hand-over/.check"), [])
            case .bucket(let name): try await store.probe(bucket: name, avoiding: object)
            case .queue(let url): try await probe(url, own: "events")
            case .index, .provider, .host: break
            }
        }
        let stages = IngestPipeline.Stages(
            ledger: ledger,
            store: store,
            extractor: ParagraphExtractor(),
            chunker: Self.chunker,
            handoff: ChunkHandoff(
                store: store,
                bucket: World.handoffs,
                inlineBytes: process.world.story.inlineBytes,
                computing: ComputingInPlace()
            ),
            chunkQueue: queue("chunks")
        )
        let settings = IngestSettings(
            rules: DocumentRules(tenant: "t"),
            names: names,
            handoffBucket: World.handoffs,
            handoffPrefix: "hand-over/",
            removesRejected: process.world.story.removesRejected
        )
        let pipeline = IngestPipeline(stages, settings: settings, environment: environment)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            await loop("events", environment, pipeline.handler).run()
            group.cancelAll()
        }
    }

    private func probe(_ url: String, own: String) async throws {
        let queue = queue(url.split(separator: "/").last.map(String.init) ?? "")
        if queue.name == own { try await queue.probeDelete() }
        let chunks = try ChunkMessage.probeBody(index: names.chunks)
        try await queue.probeSend(queue.name == "chunks" ? chunks : ObjectChange.probeEvent)
    }

    func runEmbed() async {
        let ledger = OpenSearchLedger(index: names.ledger, client: openSearch, time: process)
        let index = OpenSearchIndex(name: names.writeAlias, client: openSearch, time: process)
        let provider = OpenAIEmbedder(
            OpenAIEmbedder.Settings(
                endpoint: Endpoint(isSecure: false, host: "provider"),
                apiKey: "k",
                model: "m",
                dimensions: 4
            ),
            http: process,
            retrying: Retrying(policy: OpenAIEmbedder.policy, time: process, random: random),
            limiter: RateLimiter(maximumInFlight: 2, time: process),
            log: log
        )
        let store = store
        let environment = environment { [self] dependency, _ in
            switch dependency {
            case .ledger: try await ledger.probe(at: process.now)
            case .index: try await index.probe(dimensions: 4)
            case .provider: try await provider.probe()
            case .bucket(let name):
                let check = ObjectReference(bucket: name, key: "hand-over/.check")
                _ = try await store.readBytes(check, maximum: 1024)
            case .queue(let url): try await probe(url, own: "chunks")
            case .host: break
            }
        }
        let embeddings = EmbeddingBatcher(provider, inputs: 3, concurrency: 2, time: process)
        var stages = EmbedPipeline.Stages(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handoff: ChunkHandoff(store: store, bucket: World.handoffs, inlineBytes: 0, computing: ComputingInPlace()),
            eventQueue: queue("events"),
            chunkQueue: queue("chunks")
        )
        // Of the same alias, and of the same model.
        if process.world.pipeline(lane.other).isRunning {
            let name = lane.other.names.chunks
            let other = OpenSearchIndex(name: name, client: openSearch, time: process)
            stages.donors = [VectorDonor(name: name, chunks: other)]
        }
        let settings = EmbedSettings(
            indexName: names.chunks,
            dimensions: 4,
            stalenessBound: .seconds(30),
            sweepDelay: .seconds(90),
            window: process.world.story.window,
            concurrency: process.world.story.concurrency
        )
        let pipeline = EmbedPipeline(stages, settings: settings, environment: environment)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            group.addTask { await embeddings.run() }
            await loop("chunks", environment, pipeline.handler).run()
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
        process.world.watcher(process.lane).uses(receipts, process)
        let results = try await queue.delete(receipts)
        for (receipt, result) in zip(receipts, results) {
            if case .success = result { process.world.watcher(process.lane).deleted(receipt) }
        }
        return results
    }

    func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
        process.world.watcher(process.lane).uses(receipts, process)
        if timeout != World.visibility { process.world.watcher(process.lane).released(receipts) }
        return try await queue.setVisibility(receipts, timeout)
    }

    func send(_ message: OutgoingMessage) async throws { try await queue.send(message) }
    func attributes() async throws -> QueueAttributes { try await queue.attributes() }
}
