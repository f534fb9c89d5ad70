import AsyncPrimitives
import IngestCore
import Resilience
import TextCoding

/// Has the workers remove documents, then removes what is left of their names, and counts.
struct Erasure: Sendable {
    struct Document: Sendable {
        var pipeline: PipelineRecord
        var recordID: String
        var record: DocumentRecord
    }

    private let context: CommandContext
    private let timeout: Duration

    init(_ context: CommandContext, timeout: Duration) {
        self.context = context
        self.timeout = timeout
    }

    func run(_ documents: [Document], objects: [ObjectReference], _ pipelines: [PipelineRecord], tenant: String)
        async throws -> ErasureProof
    {
        var proof = ErasureProof(documents: objects.count)
        for pipeline in pipelines {
            let its = documents.filter { $0.pipeline.index == pipeline.index }
            try await context.withLedger(pipeline.names) { ledger in
                try await remove(objects, pipeline, ledger, &proof)
                try await wait(its, pipeline, ledger)
                try await cleanUp(its, objects, pipeline, tenant, &proof)
                try await eraseNames(its, ledger, &proof)
            }
            proof.left += try await count(objects, pipeline)
        }
        try await deleteDeadLetters(objects, pipelines, &proof)
        return proof
    }

    /// Events in the normal queue: generations keep their order, whatever is in flight.
    private func remove(
        _ objects: [ObjectReference],
        _ pipeline: PipelineRecord,
        _ ledger: OpenSearchLedger,
        _ proof: inout ErasureProof
    ) async throws {
        let services = context.services
        let lookup = DocumentLookup(client: services.openSearch, names: pipeline.names)
        let repair = Repair(
            ledger: ledger,
            events: try context.events(pipeline),
            removal: DamageRemoval(client: services.openSearch, names: pipeline.names),
            index: pipeline.index,
            time: services.time
        )
        for state in try await lookup.states(of: objects) {
            proof.chunks += state.groups.reduce(0) { $0 + $1.count }
            try await repair.run(state)
        }
    }

    private func wait(_ documents: [Document], _ pipeline: PipelineRecord, _ ledger: OpenSearchLedger) async throws {
        let time = context.services.time
        let end = time.uptime + timeout
        var waiting = documents
        var meter = ProgressMeter(context.output, time, "documents removed", total: documents.count)
        while true {
            var left: [Document] = []
            for document in waiting {
                if try await ledger.read(document.recordID).record?.isGone == false { left.append(document) }
            }
            waiting = left
            meter.update(documents.count - waiting.count)
            guard let first = waiting.first else { return meter.finish() }
            guard time.uptime < end else {
                meter.finish()
                throw Failure.fleet(
                    "\(waiting.count) documents of \(pipeline.index) are not removed yet, \(first.record.object) among them: are its workers running? Repeat the command then"
                )
            }
            try await time.sleep(for: .seconds(1))
        }
    }

    /// What no event leads to: chunks that no record knew, payloads of messages.
    private func cleanUp(
        _ documents: [Document],
        _ objects: [ObjectReference],
        _ pipeline: PipelineRecord,
        _ tenant: String,
        _ proof: inout ErasureProof
    ) async throws {
        let removal = DamageRemoval(client: context.services.openSearch, names: pipeline.names)
        for object in objects { proof.strayChunks += try await removal.remove(object: object, tenant: tenant) }
        guard let bucket = pipeline.handoffBucket, let prefix = pipeline.handoffPrefix else { return }
        for document in documents {
            let folder = "\(prefix)\(document.recordID)/"
            let page = try await context.store.page(bucket: bucket, prefix: folder, after: nil, limit: 1000)
            for entry in page.entries {
                try await context.store.delete(ObjectReference(bucket: bucket, key: entry.key))
                proof.payloads += 1
            }
        }
    }

    /// A record that changes meanwhile is of an object that is back.
    private func eraseNames(_ documents: [Document], _ ledger: OpenSearchLedger, _ proof: inout ErasureProof)
        async throws
    {
        let now = context.services.time.now
        for document in documents {
            let read = try await ledger.read(document.recordID)
            guard let record = read.record, record.isGone else { continue }
            try await OpenSearchBatchRecords(client: context.services.openSearch).remove(of: document.recordID)
            if case .written = try await ledger.write(document.recordID, record.erased(at: now), over: read.version) {
                proof.records += 1
            }
        }
    }

    /// Chunks and records that still name one of the objects.
    private func count(_ objects: [ObjectReference], _ pipeline: PipelineRecord) async throws -> Int {
        let lookup = DocumentLookup(client: context.services.openSearch, names: pipeline.names)
        return try await lookup.states(of: objects).reduce(0) { sum, state in
            state.groups.reduce(sum + state.records.count) { $0 + $1.count }
        }
    }

    private func deleteDeadLetters(
        _ objects: [ObjectReference],
        _ pipelines: [PipelineRecord],
        _ proof: inout ErasureProof
    ) async throws {
        let names = Set(objects.map(\.description))
        var deleted = 0
        for identity in pipelines.flatMap({ [$0.events, $0.chunks] }).compactMap(\.self) {
            guard let queue = try? await DeadLetterQueue(of: context.services.queue(identity.url)) else {
                context.output.note("the dead-letter queue of \(identity.url) cannot be read: look at it yourself")
                continue
            }
            _ = try await queue.read { items in
                for item in items where names.contains(item.message.object) {
                    try await queue.delete(item)
                    deleted += 1
                }
            }
        }
        proof.deadLetters = deleted
    }
}

/// What was erased, and what a look afterwards found.
struct ErasureProof: Sendable {
    var documents: Int
    var objectsDeleted = 0
    /// Each with its vector.
    var chunks = 0
    var strayChunks = 0
    var payloads = 0
    var records = 0
    var deadLetters = 0
    /// Chunks and records that still name one of the documents.
    var left = 0

    init(documents: Int) { self.documents = documents }

    var isComplete: Bool { left == 0 }

    func print(_ output: Output) {
        let line =
            "erased \(documents) documents: \(chunks) chunks with their vectors, \(records) records, \(payloads) payloads, \(deadLetters) dead-letter messages, \(objectsDeleted) objects; left: \(left)"
        output.item("erased", line) {
            $0.field("documents", documents)
            $0.field("chunks", chunks)
            $0.field("vectors", chunks)
            $0.field("strayChunks", strayChunks)
            $0.field("records", records)
            $0.field("payloads", payloads)
            $0.field("deadLetters", deadLetters)
            $0.field("objects", objectsDeleted)
            $0.field("left", left)
        }
        output.note("snapshots, exports, and old versions of a versioned bucket are not touched: remove them yourself")
    }
}
