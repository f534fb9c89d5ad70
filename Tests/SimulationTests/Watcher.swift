import HTTPTransport
import IngestCore
import TextCoding

/// Looks at every step of a run, and at its end. Unchecked: one thread.
final class Watcher: @unchecked Sendable {
    private unowned let world: World
    /// The pipeline that is watched.
    private let lane: Lane
    /// Where a text may be paid for more than once, as something interrupted its document.
    private var excused: Set<String> = []
    /// How many generations of a document had this text.
    private var allowed: [String: Int] = [:]
    private var settled: Set<String> = []
    private var working: [String: Int] = [:]
    private var interrupted: Set<String> = []
    /// Receipts of jobs that wait in place for another attempt.
    private var waiting: Set<String> = []
    private var handoffWriters: [String: (process: SimulatedProcess, document: String)] = [:]
    private var sentHandoffs: Set<String> = []
    private var textsByETag: [String: [String]] = [:]

    init(_ world: World, _ lane: Lane) {
        self.world = world
        self.lane = lane
        for change in world.story.changes {
            if let content = change.content { textsByETag[Self.etag(content)] = content.paragraphs }
        }
    }

    private var pipeline: SimulatedPipeline { world.pipeline(lane) }

    private static func etag(_ content: ObjectContent) -> String { Hex.string(Digest.sha256(content.bytes).prefix(16)) }

    // Steps.

    func recordWritten(_ record: DocumentRecord, after old: DocumentRecord?) {
        if let live = record.live { checkComplete(record, live) }
        if let pending = record.pending, pending.generation > old?.newest ?? 0, case .etag(let etag) = pending.content {
            for text in Set(textsByETag[etag] ?? []) { allowed[text, default: 0] += 1 }
        }
    }

    private func checkComplete(_ record: DocumentRecord, _ live: LiveGeneration) {
        let document = DocumentID(tenant: record.tenant, object: record.object)
        for index in 0..<live.chunkCount
        where !world.index.hasChunk(IndexedChunk.id(document, live.generation, index), lane) {
            world.violate(.complete, "chunk \(live.generation):\(index) is live and not there", record.key)
        }
    }

    func chunkRemoved(_ chunk: SimulatedIndex.StoredChunk) {
        if world.index.record(of: chunk.key, lane)?.live?.generation == chunk.generation {
            world.violate(.complete, "chunk \(chunk.generation):\(chunk.chunk_index) is live and deleted", chunk.key)
        }
    }

    /// The result of the event must be in the ledger, or another message must cover it.
    func eventDeleted(_ message: SimulatedQueue.Message) {
        let key = message.document
        let contents = world.bucket.contents(of: key, since: message.born)
        let record = world.index.record(of: key, lane)
        if let known = record.map(\.knownContent) ?? .absent, contents.contains(known) { return }
        // A newer reservation's owner may have died: what is live or rejected still stands.
        let standing = (record?.rejected.map(\.content) ?? []) + [record?.live?.content].compactMap(\.self)
        if standing.contains(where: { contents.contains($0) }) { return }
        if pipeline.events.messages.contains(where: { $0.document == key }) { return }
        if pipeline.chunks.messages.contains(where: { $0.document == key }) { return }
        world.violate(.durable, "the event is deleted, and nothing stands for what it asks", key)
    }

    func begins(_ job: WorkLoop.Job, _ process: SimulatedProcess) {
        process.jobs += 1
        process.receipts.formUnion(job.deliveries.map(\.receipt))
        waiting.subtract(job.deliveries.map(\.receipt))
        if process.jobs > world.story.concurrency {
            world.violate(.bounded, "\(process.name) has \(process.jobs) jobs of \(world.story.concurrency)", "")
        }
        working[job.first.body, default: 0] += 1
    }

    func ends(_ job: WorkLoop.Job, _ process: SimulatedProcess, _ outcome: Outcome) {
        process.jobs -= 1
        process.receipts.subtract(job.deliveries.map(\.receipt))
        working[job.first.body, default: 0] -= 1
        if case .blocked = outcome { waiting.formUnion(job.deliveries.map(\.receipt)) }
    }

    func released(_ receipts: [String]) { waiting.subtract(receipts) }

    /// Two workers at one message may both pay: its lease may run out during an attempt, or while the job waits for the next one.
    func received(
        _ message: SimulatedQueue.Message,
        after previous: String,
        from queue: SimulatedQueue,
        isDoubled: Bool
    ) {
        guard queue.name == "chunks" else { return }
        let isInFlight = working[message.body] ?? 0 > 0 || waiting.contains(previous)
        if isInFlight || isDoubled || interrupted.contains(message.holder) { excused.insert(message.document) }
        if isInFlight, world.faults.fired.allSatisfy({ $0.fault == .slow }) {
            world.violate(.leases, "message \(message.id) is delivered again while it is in flight", message.document)
        }
    }

    /// The work is dropped, and what was being paid for with it.
    func leaseLost(_ message: SimulatedQueue.Message, of queue: SimulatedQueue) {
        if queue.name == "chunks" { excused.insert(message.document) }
    }

    /// A second message for a generation that was handed off already: sending was repeated.
    func handedOff(_ body: String) {
        guard let message = try? ChunkMessage(decoding: body) else { return }
        if case .object(let object) = message.payload { sentHandoffs.insert("/\(object.bucket)/\(object.key)") }
        if pipeline.chunks.messages.count(where: { $0.body == body }) > 1 { excused.insert(message.header.object.key) }
    }

    /// What it holds, or receives until it ends, may be half done.
    func interrupted(_ process: SimulatedProcess) {
        interrupted.insert(process.name)
        excused.formUnion(pipeline.chunks.messages.filter { $0.holder == process.name }.map(\.document))
    }

    /// What the provider computed is lost, and has to be paid for again.
    func answerLost(_ request: HTTPRequest) {
        guard request.path.hasSuffix("/embeddings") else { return }
        excused.formUnion(SimulatedProvider.texts(of: request).map(Self.document(ofText:)))
    }

    private static func document(ofText text: String) -> String { String(text.prefix { $0 != " " }) }

    func paid(_ text: String, _ times: Int) {
        let key = Self.document(ofText: text)
        if times > allowed[text] ?? 0, !excused.contains(key) {
            world.violate(.paidOnce, "\"\(text)\" is paid for \(times) times", key)
        }
    }

    /// The worker knows that its deletion worked.
    func deleted(_ receipt: String) { settled.insert(receipt) }

    func uses(_ receipts: [String], _ process: SimulatedProcess) {
        for receipt in receipts where settled.contains(receipt) {
            world.violate(.handles, "\(process.name) uses \(receipt) after its end", "")
        }
    }

    func hasWritten(_ path: String) -> Bool { handoffWriters[path] != nil }

    func handoffWritten(_ path: String, _ process: SimulatedProcess) {
        handoffWriters[path] = (process, document(ofHandoff: path))
    }

    func handoffDeleted(_ path: String) {
        let parts = path.split(separator: "/")
        guard parts.count == 4, let generation = Int(parts[3].prefix { $0 != "." }) else { return }
        let record = world.index.records[String(parts[2])]?.record
        guard record?.newest == generation else { return }  // a newer one was decided for
        if record?.decision(for: generation, isFirstDelivery: true, isStale: false) == .embed {
            world.violate(.handoffs, "\(path) is deleted and still needed", record?.key ?? "")
        }
    }

    func document(ofHandoff path: String) -> String {
        let id = path.split(separator: "/").dropLast().last.map(String.init) ?? ""
        return world.index.records[id]?.record.key ?? ""
    }

    /// A worker has ended after SIGTERM.
    func stopped(_ process: SimulatedProcess, _ queue: SimulatedQueue, took: Duration, allowed: Duration) {
        if took > allowed {
            world.violate(.stops, "\(process.name) took \(took) to stop, \(allowed) were allowed", "")
        }
        // A release is one attempt: after a fault the visibility timeout ends the lease.
        guard !process.metFault else { return }
        for message in queue.messages
        where message.holder == process.name && message.visibleAt > world.uptime && !message.isBackingOff {
            world.violate(.stops, "message \(message.id) is still held by \(process.name)", message.document)
        }
    }

    // The end.

    func finish() {
        for queue in [pipeline.events, pipeline.chunks] where !queue.messages.isEmpty {
            let first = queue.messages[0]
            world.violate(.converged, "\(queue.messages.count) \(queue.name) messages are left", first.document)
        }
        for number in 1...world.story.documents { finish("doc\(number)") }
        for message in pipeline.dead.messages
        where !["malformed", "index_refused", "embedding_refused"].contains(message.attributes["reason"] ?? "") {
            world.violate(.deadLetters, "\(message.attributes)", message.document)
        }
        for path in world.bucket.handoffs where !world.watcher(lane.other).hasWritten(path) {
            let writer = handoffWriters[path]
            if sentHandoffs.contains(path) || writer.map({ !$0.process.hadTrouble && !$0.process.metFault }) ?? true {
                world.violate(.handoffs, "\(path) is left", writer?.document ?? "")
            }
        }
    }

    private func finish(_ key: String) {
        let record = world.index.record(of: key, lane)
        let live = record?.live
        let here = world.index.chunks(of: lane).filter { $0.key == key }.sorted {
            $0.chunk_index < $1.chunk_index
        }
        if here.contains(where: { $0.generation != live?.generation }) || here.count != live?.chunkCount ?? 0 {
            let found = here.map { "\($0.generation):\($0.chunk_index)" }.joined(separator: " ")
            world.violate(.exact, "live is \(live?.generation ?? 0) of \(live?.chunkCount ?? 0), found \(found)", key)
        }
        for chunk in here where !Self.isSame(chunk.vector, SimulatedProvider.vector(chunk.text)) {
            world.violate(.exact, "chunk \(chunk.generation):\(chunk.chunk_index) has another text's vector", key)
        }
        if let record, hasWork(record, key) || !record.due.isEmpty {
            world.violate(.converged, "something is left to do: \(SimulatedIndex.summary(record))", key)
        }
        if let record, let pending = record.pending, !pending.handedOff,
            record.rejected.contains(where: { $0.generation > pending.generation })
        {
            let summary = SimulatedIndex.summary(record)
            world.violate(.converged, "a reservation outlives a later rejection: \(summary)", key)
        }
        guard let etag = world.bucket.etag(ofDocument: key) else {
            if let live, live.content != .absent { world.violate(.converged, "deleted and live", key) }
            return
        }
        if let live, live.content == .etag(etag), live.reason == nil {
            if here.map(\.text) != textsByETag[etag] { world.violate(.exact, "the texts are not the object's", key) }
            return
        }
        let isRejected = record?.lastRejection?.content == .etag(etag) || live?.reason != nil
        // A worker that crashes between a rejection and its dead-letter message sends it at the redelivery, unless another delivery of the event has completed.
        let mayBeUnreported = world.faults.fired.contains { $0.fault == .crash || $0.fault == .stop }
        if isRejected, !mayBeUnreported, !pipeline.dead.messages.contains(where: { $0.document == key }) {
            world.violate(.deadLetters, "rejected, without a dead-letter message", key)
        }
        if !isRejected { world.violate(.converged, "the index does not show \(etag.prefix(6))", key) }
    }

    /// Of two workers at one event one may die, lose its lease or give up after its reservation, while the other makes the same content live, or
    /// rejected: that reservation stays until the next event.
    private func hasWork(_ record: DocumentRecord, _ key: String) -> Bool {
        guard let pending = record.pending else { return false }
        let content = world.bucket.etag(ofDocument: key).map { Content.etag($0) } ?? .absent
        return pending.handedOff || record.live?.content != content && record.lastRejection?.content != content
    }

    private static func isSame(_ found: [Float], _ raw: [Float]) -> Bool {
        let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return found.count == raw.count && zip(found, raw).allSatisfy { abs($0 - $1 / norm) < 1e-4 }
    }
}
