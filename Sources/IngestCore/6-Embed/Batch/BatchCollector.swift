import AsyncPrimitives
import Observability
import OpenSearch
import Resilience

/// Makes batches of what waits, and sends versions on whose vectors are there. One worker of a pipeline does so at a time; what it would do next is always
/// written down before, so that another goes on where it ended.
package struct BatchCollector: Sendable {
    package struct Stages: Sendable {
        package var lane: BatchLane
        package var batches: OpenAIBatches
        package var handoff: ChunkHandoff
        package var ledger: any Ledger
        /// The pipeline's chunk queue.
        package var queue: any MessageQueue

        package init(
            lane: BatchLane,
            batches: OpenAIBatches,
            handoff: ChunkHandoff,
            ledger: any Ledger,
            queue: any MessageQueue
        ) {
            self.lane = lane
            self.batches = batches
            self.handoff = handoff
            self.ledger = ledger
            self.queue = queue
        }
    }

    private let stages: Stages
    private let index: String
    private let embedder: OpenAIEmbedder
    /// How long the first version waits for others.
    private let longestWait: Duration
    private let environment: LoopEnvironment

    /// After so many batches without its vectors a version is embedded at once, which finds out what is wrong with it.
    private static let mostFailures = 3
    private static let period = Duration.seconds(30)
    /// Versions that are looked at in a round.
    private static let mostEntries = 2000

    package init(
        _ stages: Stages,
        index: String,
        embedder: OpenAIEmbedder,
        longestWait: Duration,
        environment: LoopEnvironment
    ) {
        self.stages = stages
        self.index = index
        self.embedder = embedder
        self.longestWait = longestWait
        self.environment = environment
    }

    private var records: any BatchRecords { stages.lane.records }
    private var log: Log { environment.log }

    /// Until it is cancelled.
    ///
    /// - Parameter alone: runs its body where no other worker of the pipeline does so now.
    package func run(alone: @Sendable (@escaping @Sendable () async throws -> Void) async throws -> Void) async {
        let period = min(Self.period, max(longestWait / 2, .seconds(1)))
        while !Task.isCancelled {
            try? await environment.time.sleep(for: period * (0.8 + environment.random.unit() * 0.4))
            guard !Task.isCancelled else { return }
            do {
                try await alone { try await round() }
            } catch {
                log.warning(
                    "batches cannot be made or read now; the next round tries again",
                    ["error": Failure(error).summary]
                )
            }
        }
    }

    /// Looks after every batch that is open, then makes one of what waits.
    package func round() async throws {
        for batch in try await records.batches(index) { try await advance(batch) }
        try await gather()
    }

    private func gather() async throws {
        let waiting = try await records.waiting(index, limit: Self.mostEntries)
        guard let first = waiting.first else { return }
        var requests = BatchRequests(embedder.settings, try await embedder.learnedProfile())
        let age = environment.time.now.duration(since: first.since)
        guard age >= longestWait || requests.isWorthwhile(waiting) else { return }
        var batch = BatchRecord(
            index: index,
            name: environment.random.workerName(),
            entries: [],
            created: environment.time.now
        )
        var members: [BatchEntry] = []
        for listed in waiting where !requests.isFull {
            guard requests.hasRoom(for: listed.chunks.count) || requests.isTooLarge(listed.chunks.count) else {
                continue
            }
            guard let entry = try await records.entry(listed.id), entry.batch == nil else { continue }
            guard !requests.isTooLarge(entry.chunks.count), entry.failures < Self.mostFailures else {
                try await send(entry, lane: .replay)
                continue
            }
            // A version that needs no vectors any more, or whose payload is gone, is the pipeline's to settle.
            guard try await isWanted(entry), let chunks = try await chunks(entry) else {
                try await send(entry)
                continue
            }
            requests.add(entry, chunks)
            members.append(entry)
        }
        guard !members.isEmpty else { return }
        batch.entries = members.map(\.id)
        try await records.write(batch)
        for var entry in members {
            entry.batch = batch.name
            try await records.write(entry)
        }
        batch.inputFile = try await stages.batches.upload(requests.lines, name: batch.name)
        try await records.write(batch)
        try await create(batch)
    }

    private func create(_ record: BatchRecord) async throws {
        guard let file = record.inputFile else { return }
        var record = record
        let batch = try await stages.batches.create(inputFile: file, name: record.name)
        record.batch = batch.id
        try await records.write(record)
        log.notice("batch created", ["batch": batch.id, "versions": "\(record.entries.count)"])
    }

    private func advance(_ record: BatchRecord) async throws {
        guard record.inputFile != nil else {
            // Nothing was sent: its versions wait again.
            return try await release(record, failed: false)
        }
        guard let id = record.batch else {
            if let found = try await stages.batches.find(name: record.name) {
                var record = record
                record.batch = found.id
                return try await records.write(record)
            }
            return try await create(record)
        }
        let batch: OpenAIBatches.Batch
        do {
            batch = try await stages.batches.batch(id)
        } catch let error as EmbeddingError where error.status == 404 {
            log.warning("the provider does not know the batch any more", ["batch": id])
            return try await release(record, failed: true)
        }
        guard batch.state == .ended else { return }
        var results: BatchResults?
        if let file = batch.outputFile {
            results = BatchResults(
                try await stages.batches.content(ofFile: file),
                dimensions: embedder.settings.dimensions
            )
        }
        try await finish(record, batch, results)
    }

    /// What has all of its vectors goes on; the rest waits for another batch.
    private func finish(_ record: BatchRecord, _ batch: OpenAIBatches.Batch, _ results: BatchResults?) async throws {
        var done = 0
        for (place, id) in record.entries.enumerated() {
            guard let entry = try await records.entry(id), entry.batch == record.name else { continue }
            let found = results?.vectors[place] ?? [:]
            let known = try await stages.lane.vectors(entry.recordID, entry.generation)?.entries ?? [:]
            // Places among its texts are places in the document.
            let vectors = Dictionary(
                found.compactMap { entry.chunks.indices.contains($0) ? (entry.chunks[$0], $1) : nil }
            ) { $1 }.merging(known) { new, _ in new }
            if !vectors.isEmpty { try await stages.lane.write(BatchVectors(vectors), of: entry) }
            if entry.chunks.allSatisfy({ vectors[$0] != nil }) {
                try await send(entry)
                done += 1
            } else {
                var entry = entry
                entry.chunks.removeAll { vectors[$0] != nil }
                try await release(entry, failed: true)
            }
        }
        try await end(record)
        if let file = batch.outputFile { await stages.batches.delete(file: file) }
        log.notice(
            "batch ended",
            [
                "batch": batch.id, "status": batch.status, "versions": "\(record.entries.count)",
                "with_vectors": "\(done)",
            ]
        )
    }

    private func release(_ record: BatchRecord, failed: Bool) async throws {
        for id in record.entries {
            guard let entry = try await records.entry(id), entry.batch == record.name else { continue }
            try await release(entry, failed: failed)
        }
        try await end(record)
    }

    private func release(_ entry: BatchEntry, failed: Bool) async throws {
        var entry = entry
        entry.batch = nil
        entry.failures += failed ? 1 : 0
        try await records.write(entry)
    }

    private func end(_ record: BatchRecord) async throws {
        try await records.remove(record.id)
        if let file = record.inputFile { await stages.batches.delete(file: file) }
    }

    /// Back into the queue with its message, then it is forgotten here: at least once.
    private func send(_ entry: BatchEntry, lane: Lane? = nil) async throws {
        var body = entry.message
        if let lane, var message = try? ChunkMessage(decoding: body) {
            message.header.lane = lane.rawValue
            body = try message.encoded()
        }
        try await stages.queue.send(OutgoingMessage(body: body, trace: entry.trace, group: entry.tenant))
        try await records.remove(entry.id)
    }

    private func isWanted(_ entry: BatchEntry) async throws -> Bool {
        guard let record = try await stages.ledger.read(entry.recordID).record else { return false }
        return record.decision(for: entry.generation, isFirstDelivery: false, isStale: false) == .embed
    }

    /// Nil where the payload is gone or damaged.
    private func chunks(_ entry: BatchEntry) async throws -> [ChunkPayload]? {
        guard let message = try? ChunkMessage(decoding: entry.message), stages.handoff.isOwn(message) else {
            return nil
        }
        do {
            let all = try await stages.handoff.unpack(message)
            guard entry.chunks.allSatisfy({ (0..<all.count).contains($0) }) else { return nil }
            return try all.chunks(entry.chunks)
        } catch is ChunkHandoff.Loss {
            return nil
        }
    }
}
