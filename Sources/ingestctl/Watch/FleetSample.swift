import AsyncPrimitives
import IngestCore
import Observability

/// What a fleet does at one moment: its queues, its documents, its workers.
struct FleetSample: Sendable {
    struct Queue: Sendable {
        var name: String
        /// Nil where the queue cannot be read.
        var waiting: Int?
        var inFlight: Int?
        var delayed: Int?
        var dead: Int?
    }

    let time: Timestamp
    let pipeline: PipelineRecord
    let queues: [Queue]
    let counts: LedgerCounts
    let workers: [WorkerReport]

    static func read(_ pipeline: PipelineRecord, _ context: CommandContext) async throws -> FleetSample {
        let (client, now) = (context.services.openSearch, context.services.time.now)
        async let events = queue("events", pipeline.events, context)
        async let chunks = queue("chunks", pipeline.chunks, context)
        async let counts = LedgerWalk(client: client, names: pipeline.names).counts()
        async let reports = WorkerReports(client: client).running(at: now)
        return FleetSample(
            time: now,
            // A pause is a change of the record.
            pipeline: try await context.registry.entry(pipeline.index)?.record ?? pipeline,
            queues: [await events, await chunks],
            counts: try await counts,
            workers: try await reports.filter { $0.index == pipeline.index }
        )
    }

    private static func queue(_ name: String, _ identity: QueueIdentity?, _ context: CommandContext) async -> Queue {
        var queue = Queue(name: name)
        guard let identity else { return queue }
        let source = context.services.queue(identity.url)
        guard let found = try? await source.attributes() else { return queue }
        (queue.waiting, queue.inFlight) = (found.visibleMessages, found.invisibleMessages)
        queue.delayed = found.delayedMessages
        if let redrive = found.redrive {
            queue.dead = try? await source.sibling(arn: redrive.deadLetterARN).attributes().visibleMessages
        }
        return queue
    }

    /// The oldest of what workers hold or wait for.
    var oldest: Duration? {
        let since = workers.flatMap { $0.jobs.map(\.since) } + [counts.oldestPending].compactMap(\.self)
        return since.min().map { time.duration(since: $0) }
    }

    var jobs: [(worker: WorkerReport, job: JobsInFlight.Entry)] {
        workers.flatMap { worker in worker.jobs.map { (worker, $0) } }.sorted { $0.1.since < $1.1.since }
    }
}

/// What happened between two samples, a second.
struct FleetRates: Sendable {
    var received = 0.0
    var indexed = 0.0
    var tokens = 0.0
    var rejected = 0.0

    init() {}

    /// Counters count from a worker's start: of one that is new its own count counts.
    init(from old: FleetSample, to new: FleetSample) {
        let seconds = new.time.duration(since: old.time).seconds
        guard seconds > 0 else { return }
        var before: [String: [String: Int]] = [:]
        for worker in old.workers { before[worker.id] = worker.metrics }
        func rate(_ series: Metrics.Series) -> Double {
            let total = new.workers.reduce(0) { sum, worker in
                let now = worker.metrics[series.rawValue] ?? 0
                return sum + max(0, now - (before[worker.id]?[series.rawValue] ?? now))
            }
            return Double(total) / seconds
        }
        received = rate(.messagesReceived)
        indexed = rate(.documentsIndexed)
        tokens = rate(.tokensEmbedded)
        rejected = rate(.documentsRejected)
    }
}
