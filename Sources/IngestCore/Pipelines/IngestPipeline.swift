import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience

/// An event's way: ledger, object, text, chunks, generation, chunk message.
package struct IngestPipeline: Sendable {
    /// The stages of the way, in their order.
    package struct Stages: Sendable {
        package var ledger: any Ledger
        package var store: any ObjectStore
        package var extractor: any Extractor
        package var chunker: any TextChunking
        package var handoff: ChunkHandoff
        package var chunkQueue: any MessageQueue

        package init(
            ledger: any Ledger,
            store: any ObjectStore,
            extractor: any Extractor,
            chunker: any TextChunking,
            handoff: ChunkHandoff,
            chunkQueue: any MessageQueue
        ) {
            self.ledger = ledger
            self.store = store
            self.extractor = extractor
            self.chunker = chunker
            self.handoff = handoff
            self.chunkQueue = chunkQueue
        }
    }

    let stages: Stages
    let settings: IngestSettings
    let environment: LoopEnvironment
    /// Events of one object are worked on one after the other: the second finds what the first has done.
    private let objects = KeyedMutex<ObjectReference>()
    /// A document that is changed again and again while it is read is left to its next event.
    private static let conflictsInPlace = 20

    package init(_ stages: Stages, settings: IngestSettings, environment: LoopEnvironment) {
        self.stages = stages
        self.settings = settings
        self.environment = environment
    }

    var ledger: any Ledger { stages.ledger }
    var metrics: Metrics { environment.metrics }
    var log: Log { environment.log }
    var time: any TimeSource { environment.time }

    /// Events of one receive about the same single object are one job.
    package static let mergeKey: @Sendable (Delivery) -> ObjectReference? = { delivery in
        guard !delivery.isRedriven, case .changes(let changes) = try? EventParser.parse(delivery.body),
            changes.count == 1, !changes[0].retriesRejected, !changes[0].rebuilds, changes[0].lane == .live
        else { return nil }
        return changes[0].object
    }

    /// What the work loop calls for each message.
    package var handler: WorkLoop.Handler {
        WorkLoop.Handler(
            name: "process event",
            mergeKey: Self.mergeKey,
            objects: DeadLetterMessage.objects,
            leaseLost: leaseLost,
            exhaust: exhaust,
            work: handle
        )
    }

    /// One job: every object that its event names. The message is done when all of them are.
    package func handle(_ job: WorkLoop.Job) async -> Outcome {
        let changes: [ObjectChange]
        do throws(EventParser.Unreadable) {
            guard case .changes(let found) = try EventParser.parse(job.first.body) else { return .done }
            changes = found
        } catch {
            return .deadLetter([DeadLetterMessage(reason: "unreadable_event", detail: error.description)])
        }
        var deadLetterMessages: [DeadLetterMessage] = []
        var unfinished: Outcome?
        for work in works(changes, job) {
            switch await outcome(of: work) {
            case .done: continue
            case .deadLetter(let more): deadLetterMessages += more
            // The others go on; what is done already is found to be known in the next attempt.
            case let other: unfinished = other
            }
        }
        if let unfinished { return unfinished }
        return deadLetterMessages.isEmpty ? .done : .deadLetter(deadLetterMessages)
    }

    /// The objects of an event that are documents, once each.
    private func works(_ changes: [ObjectChange], _ job: WorkLoop.Job) -> [IngestWork] {
        let changes = changes.map(settings.subject)
        return Set(changes.map(\.object)).sorted().compactMap { object in
            let its = changes.filter { $0.object == object }
            guard let tenant = settings.tenant(of: object) else {
                metrics.count(.leftOut, "rule")
                log.info(
                    "object left out by a rule (DOCUMENTS)",
                    job.first.metadata.merging(["object": "\(object)", "fate": "left_out", "reason": "rule"]) { $1 }
                )
                // A repair removes what was indexed before the rule.
                guard its.contains(where: \.rebuilds) else { return nil }
                return IngestWork(object, tenant: "", job, index: settings.names.chunks, its)
            }
            return IngestWork(object, tenant: tenant, job, index: settings.names.chunks, its)
        }
    }

    private func outcome(of work: IngestWork) async -> Outcome {
        do {
            return try await objects.run(work.object) {
                if work.tenant.isEmpty { return try await removeFormer(of: work) ?? .done }
                return try await repeated(work)
            }
        } catch is ExtractorBusy {
            return .postpone(
                "every extractor that \(work.tenant.isEmpty ? "its tenant" : "tenant \(work.tenant)") may use is at work on slow documents"
            )
        } catch {
            let failure = Failure(error)
            log.debug("ingest failed", work.metadata.merging(["error": failure.summary]) { $1 })
            return Outcome(failure) { work.deadLetter($0, generation: nil) }
        }
    }

    private func repeated(_ work: IngestWork) async throws -> Outcome {
        var isRepeated = !work.job.isFirstAttempt
        for _ in 0..<Self.conflictsInPlace {
            if let outcome = try await ingest(work, isRepeated) { return outcome }
            // The other writer may have been this worker, with a response that was lost.
            isRepeated = true
            log.debug("write conflict on the ledger record, retrying", work.metadata)
        }
        return .retry("\(work.object) changed \(Self.conflictsInPlace) times while it was read", after: nil)
    }

    /// Removes the object's documents of tenants that it no longer belongs to: rules may have changed since. Nil when that is done.
    private func removeFormer(of work: IngestWork) async throws -> Outcome? {
        for tenant in try await ledger.tenants(of: work.object, index: work.index)
        where !tenant.utf8.elementsEqual(work.tenant.utf8) {
            let outcome = try await repeated(work.vanishing(of: tenant))
            guard outcome == .done else { return outcome }
        }
        return nil
    }

    /// The document's path up to the chunk message. Nil when a compare-and-set was lost: everything has to be looked at again.
    private func ingest(_ work: IngestWork, _ isRepeated: Bool) async throws -> Outcome? {
        if stages.extractor.isBusy(for: work.tenant) { throw ExtractorBusy() }
        let read = try await ledger.read(work.recordID)
        let record = read.record?.named(work.tenant, work.object) ?? work.newRecord(at: time.now)
        if work.vanishes, work.isRemoved(record) { return .done }
        let found = work.vanishes ? .absent : try await content(of: work, record)
        if !work.vanishes, work.rebuilds || found.content == .absent, let outcome = try await removeFormer(of: work) {
            return outcome
        }
        if found.isUnchanged || !work.rebuilds && record.knows(found.content, where: { holds($0, work) }) {
            return try await leaveAsItIs(found, record, read.version, work, isRepeated)
        }
        let extracted: ExtractedDocument?
        let chunks: [Chunk]
        do {
            (extracted, chunks) = try await text(found, work.object, work.tenant)
        } catch let rejection as Rejection {
            return try await reject(found.content, record, read.version, work, rejection)
        }
        let reserved = record.reserving(found.content, chunkCount: chunks.count, origin: work.origin, at: time.now)
        guard case .written = try await ledger.write(work.recordID, reserved, over: read.version) else { return nil }
        var header = work.header(reserved, chunkCount: chunks.count, settings.names)
        if let extracted { header.describe(extracted, settings, found) }
        do {
            try await send(header, chunks, work)
        } catch Failure.document(let rejection) {
            return try await rejectReserved(header, work, rejection)
        }
        return .done
    }

    private func holds(_ rejection: RejectedGeneration, _ work: IngestWork) -> Bool {
        !work.retriesRejected && settings.rejections.hold(rejection, sent: work.sent)
    }

    /// What the bucket holds now.
    private func content(of work: IngestWork, _ record: DocumentRecord) async throws -> FoundContent {
        let bucket = Dependency.bucket(work.object.bucket)
        try environment.breakers.check(bucket)
        do {
            let known = work.rebuilds ? nil : record.knownETag(where: { holds($0, work) })
            let outcome = try await environment.traced("download", .client, .download) { span in
                let outcome = try await stages.store.read(work.object, unless: known)
                if case .object(let stored) = outcome { span.set("ingest.bytes", stored.bytes) }
                return outcome
            }
            environment.breakers.succeeded(bucket, by: work.job.first.messageID)
            switch outcome {
            case .unchanged: return .unchanged
            case .missing: return .absent
            case .object(let stored):
                metrics.add(.bytesDownloaded, stored.bytes)
                // Consoles mark folders with empty objects. They are not documents.
                if stored.bytes == 0, work.object.key.utf8.last == 0x2F { return .absent }
                return .stored(stored)
            }
        } catch let refused as RefusedObject {
            guard refused.rejection.code == .forbidden else { return .refused(refused) }
            // The object is refused only where its bucket can be read otherwise.
            let reason = refused.rejection.detail
            guard await environment.breakers.isAvailable(bucket, about: work.object) else {
                throw Failure.fleet(reason, of: bucket)
            }
            return .refused(refused)
        }
    }

    private func text(_ found: FoundContent, _ object: ObjectReference, _ tenant: String) async throws -> (
        ExtractedDocument?, [Chunk]
    ) {
        switch found {
        case .stored(let stored):
            let hints = stored.hints(object)
            let document = try await environment.traced("extract", .internalWork, .extraction) { span in
                let document = try await stages.extractor.extract(stored, hints: hints, tenant: tenant)
                span.set("ingest.format", document.format.name)
                span.set("ingest.pages", document.pages.count)
                return document
            }
            metrics.add(.pagesExtracted, document.pages.count)
            try settings.check(document.notes)
            metrics.observe(.quality, document.notes.quality)
            let chunks = try await environment.traced("chunk", .internalWork, .chunking) { span in
                let chunks = try await stages.chunker.cut(document)
                span.set("ingest.chunks", chunks.count)
                return chunks
            }
            return (document, chunks)
        case .refused(let refused): throw refused.rejection
        case .absent, .unchanged: return (nil, [])
        }
    }

    private func send(_ header: ChunkMessage.Header, _ chunks: [Chunk], _ work: IngestWork?) async throws {
        try await environment.tracer.span("send chunks", .producer) { span in
            span.set("ingest.chunks", chunks.count)
            let body = try await stages.handoff.pack(header, chunks)
            let trace = environment.tracer.isEnabled ? span.context?.awsHeader : work?.job.first.trace
            try await stages.chunkQueue.send(OutgoingMessage(body: body, trace: trace, group: header.tenant))
        }
        _ = try await ledger.update(recordID(header)) { $0.handingOff(header.generation) }
        metrics.add(header.content == .absent ? .documentsDeleted : .documentsHandedOff)
        var facts = ["generation": "\(header.generation)", "chunks": "\(chunks.count)", "format": header.format]
        facts.merge(work?.metadata ?? ["object": header.object.description]) { $1 }
        log.info("chunks enqueued", facts)
    }

    private func recordID(_ header: ChunkMessage.Header) -> String {
        DocumentID(header.documentID).recordID(index: header.index)
    }
}

extension IngestPipeline {
    /// Nothing to do: written down as well, so that an older read elsewhere cannot win. What an earlier attempt has rejected goes to the
    /// dead-letter queue again, as that attempt may have ended before.
    private func leaveAsItIs(
        _ found: FoundContent,
        _ record: DocumentRecord,
        _ version: RecordVersion,
        _ work: IngestWork,
        _ isRepeated: Bool
    ) async throws -> Outcome? {
        guard case .written = try await ledger.write(work.recordID, record.touched(), over: version) else { return nil }
        metrics.add(.documentsUnchanged)
        if found.content == .absent {
            metrics.count(.leftOut, "not_there")
            let fate = ["fate": "left_out", "reason": "not_there"]
            log.info("object not found and not indexed; nothing to do", work.metadata.merging(fate) { $1 })
        } else {
            let rejection = record.knownRejection.map { "rejected as \($0.reason)" }
            metrics.count(.leftOut, rejection == nil ? "unchanged" : "rejected_before")
            let facts = ["state": rejection ?? "up to date", "fate": "unchanged"]
            log.info("document is unchanged", work.metadata.merging(facts) { $1 })
        }
        if isRepeated, let deadLetterMessage = work.deadLetterMessage(record) {
            return .deadLetter([deadLetterMessage])
        }
        return .done
    }

    private func reject(
        _ content: Content,
        _ record: DocumentRecord,
        _ version: RecordVersion,
        _ work: IngestWork,
        _ rejection: Rejection
    ) async throws -> Outcome? {
        let depends = settings.rejections.text(rejection.code)
        let refused = record.refusing(content, rejection, settings: depends, at: time.now)
        guard case .written(let version) = try await ledger.write(work.recordID, refused, over: version) else {
            return nil
        }
        count(rejection, of: work)
        if settings.removesRejected, record.live?.chunkCount ?? 0 > 0 {
            let emptied = refused.reserving(content, chunkCount: 0, origin: work.origin, at: time.now)
            guard case .written = try await ledger.write(work.recordID, emptied, over: version) else { return nil }
            var header = work.header(emptied, chunkCount: 0, settings.names)
            header.reason = rejection.code.name
            header.reasonSettings = depends
            try await send(header, [], nil)
        }
        return .deadLetter([work.deadLetter(rejection, generation: refused.newest)])
    }

    /// The queue does not take the message of a generation that is reserved.
    private func rejectReserved(_ header: ChunkMessage.Header, _ work: IngestWork, _ rejection: Rejection) async throws
        -> Outcome?
    {
        let written = try await ledger.update(work.recordID) {
            $0.rejecting(header.generation, header.content, rejection, at: time.now)
        }.written
        guard written != nil else { return nil }
        count(rejection, of: work)
        return .deadLetter([work.deadLetter(rejection, generation: header.generation)])
    }

    private func count(_ rejection: Rejection, of work: IngestWork) {
        let facts = ["fate": "rejected", "reason": rejection.code.name]
        log.info("document rejected", work.metadata.merging(facts) { $1 })
        metrics.add(.documentsRejected)
        metrics.count(.rejections, rejection.code.name)
        if rejection.code == .needsOCR { metrics.add(.documentsNeedingOCR) }
    }

    /// After a lost lease: the worker that has the message now may find the rejection that this worker wrote, and assume that it was reported.
    package func leaseLost(_ job: WorkLoop.Job) async -> [DeadLetterMessage] {
        guard case .changes(let changes) = try? EventParser.parse(job.first.body) else { return [] }
        var deadLetterMessages: [DeadLetterMessage] = []
        for work in works(changes, job) {
            guard let record = try? await ledger.read(work.recordID).record,
                let deadLetterMessage = work.deadLetterMessage(record)
            else {
                continue
            }
            deadLetterMessages.append(deadLetterMessage)
        }
        return deadLetterMessages
    }

    /// No receive is left: the documents of the message that are not up to date are rejected, with what could be learned of their content.
    package func exhaust(_ job: WorkLoop.Job, _ rejection: Rejection) async throws -> [DeadLetterMessage] {
        guard case .changes(let changes) = try EventParser.parse(job.first.body) else { return [] }
        var deadLetterMessages: [DeadLetterMessage] = []
        for work in works(changes, job) {
            for _ in 0..<Self.conflictsInPlace {
                let read = try await ledger.read(work.recordID)
                let record = read.record?.named(work.tenant, work.object) ?? work.newRecord(at: time.now)
                let found = try? await stages.store.read(work.object, unless: record.knownETag())
                let content: Content
                switch found {
                case .unchanged: content = record.knownContent ?? .unknown
                case .missing: content = .absent
                case .object(let stored): content = Content(etag: stored.etag)
                case nil: content = .unknown
                }
                // Another object of the same event, or another worker was faster.
                if record.knows(content) {
                    if let deadLetterMessage = work.deadLetterMessage(record) {
                        deadLetterMessages.append(deadLetterMessage)
                    }
                    break
                }
                let refused = record.refusing(content, rejection, at: time.now)
                guard case .written = try await ledger.write(work.recordID, refused, over: read.version) else {
                    continue
                }
                count(rejection, of: work)
                deadLetterMessages.append(work.deadLetter(rejection, generation: refused.newest))
                break
            }
        }
        return deadLetterMessages
    }
}
