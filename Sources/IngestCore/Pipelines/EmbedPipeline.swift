import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience

/// A chunk message's way: ledger, vectors, index, commit, clean-up.
package struct EmbedPipeline: Sendable {
    let stages: Stages
    private let settings: EmbedSettings
    private let environment: LoopEnvironment
    private let retryBudget: RetryBudget
    let vectors: VectorSource
    private let lanes: EmbedLanes

    package init(_ stages: Stages, settings: EmbedSettings, environment: LoopEnvironment) {
        self.stages = stages
        self.settings = settings
        self.environment = environment
        lanes = EmbedLanes(documents: settings.concurrency, bytes: settings.bufferBytes, time: environment.time)
        retryBudget = RetryBudget(
            limit: settings.retryBudget,
            time: environment.time,
            random: environment.random,
            breakers: environment.breakers,
            log: environment.log
        )
        vectors = VectorSource(
            stages: stages,
            retryBudget: retryBudget,
            environment: environment,
            settings: settings
        )
    }

    private var ledger: any Ledger { stages.ledger }
    private var index: any ChunkIndex { stages.index }
    private var handoff: ChunkHandoff { stages.handoff }
    var time: any TimeSource { environment.time }
    var metrics: Metrics { environment.metrics }
    private var log: Log { environment.log }

    /// What the work loop calls for each message.
    package var handler: WorkLoop.Handler {
        WorkLoop.Handler(
            name: "process chunks",
            objects: DeadLetterMessage.objects,
            leaseLost: leaseLost,
            exhaust: exhaust,
            work: handle
        )
    }

    package func handle(_ job: WorkLoop.Job) async -> Outcome {
        let message: ChunkMessage
        do throws(ChunkMessage.Unreadable) {
            message = try ChunkMessage(decoding: job.first.body)
        } catch {
            switch error {
            case .newer(let version):
                return .leave("a chunk message of version \(version): this worker reads up to \(ChunkMessage.version)")
            case .malformed: return await forwarded(job)
            case .invalid(let detail):
                return .deadLetter([DeadLetterMessage(reason: "unreadable_message", detail: detail)])
            }
        }
        guard handoff.isOwn(message) else {
            let detail = "its payload is not the object of HANDOVER_BUCKET that ingest-worker would write for it"
            return .deadLetter([DeadLetterMessage(reason: "unreadable_message", detail: detail)])
        }
        let work = EmbedWork(message, job)
        guard work.header.index == settings.indexName else {
            return .leave("\(work.header.index) is not this worker's index, \(settings.indexName)")
        }
        do {
            guard message.payload != .sweep else { return try await sweep(work) }
            if job.first.isRedriven { return try await retry(work) }
            if job.first.receiveCount > 1, job.pauses == 0 { try await scheduleSweep(work) }
            while true {
                // One of the batch lane may have been here before, under another message.
                let isFirst = job.isFirstAttempt && work.header.urgency != .batch
                let outcome =
                    vectors.holds(work.key)
                    ? try await retryBudget.run(work.id) { try await process(work, isFirstAttempt: isFirst) }
                    : try await process(work, isFirstAttempt: isFirst)
                if let outcome { return outcome }
            }
        } catch is EmbedLanes.Busy {
            let tenant = work.header.tenant.isEmpty ? "" : " that tenant \(work.header.tenant) may use"
            return .postpone("every lane\(tenant) is at work on slow documents")
        } catch {
            let failure = Failure(error)
            log.debug("embed failed", work.metadata.merging(["error": failure.summary]) { $1 })
            return Outcome(failure) { work.deadLetter($0) }
        }
    }

    /// A dead-letter message of this queue, sent back to it: its body is an event, for the worker that reads the bucket.
    private func forwarded(_ job: WorkLoop.Job) async -> Outcome {
        let detail = "not a chunk message of ingest-worker"
        guard case .changes(let changes) = try? EventParser.parse(job.first.body), !changes.isEmpty else {
            return .deadLetter([DeadLetterMessage(reason: "unreadable_message", detail: detail)])
        }
        do {
            for change in changes {
                let body = ObjectChange.hint(for: change.object, retriesRejected: true)
                try await stages.eventQueue.send(OutgoingMessage(body: body, trace: job.first.trace))
            }
            return .done
        } catch {
            return Outcome(Failure(error)) { DeadLetterMessage(reason: $0.code.name, detail: $0.detail) }
        }
    }

    /// A redriven dead-letter message: the object is read again, whatever was decided before.
    private func retry(_ work: EmbedWork) async throws -> Outcome {
        try await requeueEvent(work, retriesRejected: true)
        try await handoff.discard(work.message)
        return .done
    }

    /// No receive is left: what the message is about is rejected, unless it or a newer version is live.
    package func exhaust(_ job: WorkLoop.Job, _ rejection: Rejection) async throws -> [DeadLetterMessage] {
        guard let message = try? ChunkMessage(decoding: job.first.body), message.header.index == settings.indexName,
            message.payload != .sweep
        else { return [DeadLetterMessage(reason: rejection.code.name, detail: rejection.detail)] }
        let work = EmbedWork(message, job)
        guard case .deadLetter(let deadLetterMessages) = try await reject(work, rejection) else { return [] }
        return deadLetterMessages
    }

    /// After a lost lease: another worker may have finished the message and cleaned up before our last write. Then that is ours to remove.
    package func leaseLost(_ job: WorkLoop.Job) async -> [DeadLetterMessage] {
        guard let message = try? ChunkMessage(decoding: job.first.body), message.header.index == settings.indexName
        else { return [] }
        let work = EmbedWork(message, job)
        guard let record = try? await ledger.read(work.recordID).record else { return [] }
        switch record.decision(for: work.generation, isFirstDelivery: false, isStale: false) {
        case .remove, .requeueEvent:
            _ = try? await remove(work)
            return []
        case .rejected(let entry):
            _ = try? await remove(work)
            return [work.deadLetter(entry)]
        case .embed, .finish, .outdated: return []
        }
    }

    /// Another worker received the message before and may still process it. If that worker writes late and then stops, it leaves orphaned chunks.
    private func scheduleSweep(_ work: EmbedWork) async throws {
        let message = ChunkMessage(header: work.header, payload: .sweep)
        try await stages.chunkQueue.send(
            OutgoingMessage(body: try message.encoded(), group: work.header.tenant, delay: settings.sweepDelay)
        )
    }

    /// Removes what is left of a generation that will not be live. One that is still on its way is its own message's.
    private func sweep(_ work: EmbedWork) async throws -> Outcome {
        if let record = try await ledger.read(work.recordID).record {
            switch record.decision(for: work.generation, isFirstDelivery: false, isStale: false) {
            case .remove, .requeueEvent, .rejected:
                try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount)
            case .embed, .finish, .outdated: break
            }
        }
        return .done
    }

    /// Carries out what the ledger's record requires. Nil when the record changed after the decision was made: the caller decides again.
    private func process(_ work: EmbedWork, isFirstAttempt: Bool) async throws -> Outcome? {
        guard let record = try await ledger.read(work.recordID).record, record.newest >= work.generation else {
            // The ledger was lost, rebuilt or restored, or the message is forged: the bucket knows.
            try await requeueEvent(work)
            return try await discard(work)
        }
        let isStale = record.isStale(at: time.now, bound: settings.stalenessBound)
        switch record.decision(for: work.generation, isFirstDelivery: isFirstAttempt, isStale: isStale) {
        case .finish: return try await finish(work)
        case .remove: return try await remove(work)
        case .rejected(let entry):
            guard try await remove(work, isSuperseded: false) != nil else { return nil }
            return .deadLetter([work.deadLetter(entry)])
        case .outdated:
            superseded(work)
            return try await discard(work)
        case .requeueEvent:
            try await requeueEvent(work)
            return try await remove(work)
        case .embed:
            do {
                try await embed(work, record, isFirstAttempt: isFirstAttempt)
            } catch is Overtaken {
                return nil
            } catch is PutAside {
                log.info("waits for a batch", work.metadata)
                return .done
            } catch is ChunkHandoff.Loss {
                return try await abandon(work, isFirstAttempt: isFirstAttempt)
            } catch {
                guard case .document(let rejection) = Failure(error) else { throw error }
                try await confirm(rejection, work)
                return try await reject(work, rejection)
            }
            return try await commit(work)
        }
    }

    /// A document is rejected for what the provider or the index said only where others are not refused as well.
    private func confirm(_ rejection: Rejection, _ work: EmbedWork) async throws {
        let dependency: Dependency = rejection.code == .embeddingRefused ? .provider : .index
        guard await environment.breakers.isAvailable(dependency, about: work.header.object, reason: rejection.detail)
        else { throw Failure.fleet(rejection.detail, of: dependency) }
    }

    /// Chunks to vectors to index. What is there already, of ours or with equal text in the live version, is not paid for again.
    private func embed(_ work: EmbedWork, _ record: DocumentRecord, isFirstAttempt: Bool) async throws {
        guard work.header.chunkCount > 0 else { return }
        let document = EmbedLanes.Document(
            tenant: work.header.tenant,
            bytes: settings.weight(chunks: work.header.chunkCount),
            isSlow: work.header.chunkCount > settings.window,
            mayGiveUp: !vectors.holds(work.key)
        )
        try await lanes.run(document) {
            try await embedInWindows(work, record, isFirstAttempt: isFirstAttempt)
        }
    }

    private func embedInWindows(_ work: EmbedWork, _ record: DocumentRecord, isFirstAttempt: Bool) async throws {
        let chunks = try await handoff.unpack(work.message)
        let written =
            isFirstAttempt
            ? [:] : try await index.hashes(work.document, generation: work.generation, count: chunks.count)
        var record = record
        if !isFirstAttempt {
            // Chunks that an earlier attempt wrote may be missing because a newer generation has been committed since: looked at after them, the
            // ledger says so, and nothing is paid for again.
            guard let current = try await ledger.read(work.recordID).record,
                current.decision(for: work.generation, isFirstDelivery: false, isStale: true) == .embed
            else { throw Overtaken() }
            record = current
        }
        var live: (generation: Int, chunks: [Int: String])?
        let missing = (0..<chunks.count).filter { written[$0] == nil }
        if let version = record.live, version.chunkCount > 0, !missing.isEmpty {
            let hashes = try await index.hashes(
                work.document,
                generation: version.generation,
                count: version.chunkCount
            )
            live = (version.generation, hashes)
        }
        var known = KnownChunks(work.document, of: work.header.tenant, work.generation, written: written, live: live)
        known.lane = work.header.urgency
        if !missing.isEmpty { known.donated = await donated(to: work.document) }
        let given = try await batched(work, missing, chunks, known)
        let (index, environment) = (index, environment)
        try await vectors.provide(missing, of: chunks, for: work.key, over: known, with: given) { part, vectors in
            environment.breakers.succeeded(.provider, by: work.id)
            let indexed = part.map {
                IndexedChunk(
                    documentID: work.document,
                    generation: work.generation,
                    chunk: $0,
                    vector: vectors[$0.index] ?? []
                )
            }
            try await environment.traced("bulk index", .client, .bulk) { span in
                span.set("db.system.name", "opensearch")
                span.set("ingest.chunks", indexed.count)
                try await index.create(indexed, work.header)
            }
            environment.breakers.succeeded(.index, by: work.id)
        }
    }

    /// What other pipelines have of the document. They only save a payment: one that cannot be read is passed over.
    private func donated(to document: DocumentID) async -> [KnownChunks.Donated] {
        var found: [KnownChunks.Donated] = []
        for donor in stages.donors {
            guard let live = try? await ledger.read(document.recordID(index: donor.name)).record?.live,
                live.chunkCount > 0,
                let hashes = try? await donor.chunks.hashes(
                    document,
                    generation: live.generation,
                    count: live.chunkCount
                )
            else { continue }
            found.append(KnownChunks.Donated(donor, generation: live.generation, hashes: hashes))
        }
        return found
    }

    /// The decision to embed no longer holds.
    private struct Overtaken: Error {}

    private func commit(_ work: EmbedWork) async throws -> Outcome? {
        let header = work.header
        let now = time.now
        let spend = vectors.spends.of(work.key)
        // A released message could be superseded and its chunks removed before it is redelivered; then its embeddings would be paid for again.
        let outcome = try await retryBudget.run(work.id) {
            try await ledger.update(work.recordID) {
                $0.committing(
                    work.generation,
                    header.content,
                    chunkCount: header.chunkCount,
                    reason: header.reason,
                    reasonSettings: header.reasonSettings,
                    summary: header.summary,
                    origin: EventOrigin(sent: header.sent, trace: work.job.first.trace),
                    spend: spend,
                    at: now
                )
            }
        }
        guard outcome.written != nil else { return try await remove(work) }
        metrics.add(.documentsIndexed)
        stages.usage?.commit(of: header.tenant)
        var facts = ["chunks": "\(header.chunkCount)"]
        facts["fate"] = header.reason != nil ? "removed" : header.content == .absent ? "deleted" : "searchable"
        if let sent = header.sent {
            let age = max(.zero, now.duration(since: sent))
            metrics.observe(.eventToSearchable, age)
            facts["age_ms"] = "\(age.milliseconds)"
        }
        log.info("document version committed", work.metadata.merging(facts) { $1 })
        return try await finish(work)
    }

    /// Deletes what the live version replaced, then forgets it.
    private func finish(_ work: EmbedWork) async throws -> Outcome? {
        let due = try await ledger.read(work.recordID).record?.due ?? []
        for retired in due {
            try await index.delete(work.document, generation: retired.generation, count: retired.chunkCount)
        }
        if !due.isEmpty { _ = try await ledger.update(work.recordID) { $0.forgetting(due) } }
        return try await discard(work)
    }

    /// Removes what ours wrote, unless it is live after all.
    private func remove(_ work: EmbedWork, isSuperseded: Bool = true) async throws -> Outcome? {
        guard try await ledger.read(work.recordID).record?.live?.generation != work.generation else { return nil }
        try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount)
        if isSuperseded { superseded(work) }
        return try await discard(work)
    }

    private func superseded(_ work: EmbedWork) {
        metrics.add(.documentsSuperseded)
        log.info("document version superseded", work.metadata.merging(["fate": "superseded"]) { $1 })
    }

    private func reject(_ work: EmbedWork, _ rejection: Rejection) async throws -> Outcome? {
        // What was paid for is not in the index, and would be paid for again.
        let now = time.now
        let outcome = try await retryBudget.run(work.id) {
            try await ledger.update(work.recordID) {
                $0.rejecting(work.generation, work.header.content, rejection, at: now)
            }
        }
        guard outcome.written != nil else { return nil }
        metrics.add(.documentsRejected)
        metrics.count(.rejections, rejection.code.name)
        log.info(
            "document rejected",
            work.metadata.merging(["fate": "rejected", "reason": rejection.code.name]) { $1 }
        )
        _ = try await remove(work, isSuperseded: false)
        return .deadLetter([work.deadLetter(rejection)])
    }

    private func abandon(_ work: EmbedWork, isFirstAttempt: Bool) async throws -> Outcome? {
        let now = time.now
        let outcome = try await ledger.update(work.recordID) { record in
            let isStale = record.isStale(at: now, bound: settings.stalenessBound)
            let decision = record.decision(for: work.generation, isFirstDelivery: isFirstAttempt, isStale: isStale)
            return decision == .embed ? record.abandoning(work.generation) : nil
        }
        guard outcome.written != nil else { return nil }
        metrics.add(.documentsAbandoned)
        log.warning("chunk payload missing; re-ingesting the object", work.metadata)
        try await requeueEvent(work)
        return try await remove(work, isSuperseded: false)
    }

    private func requeueEvent(_ work: EmbedWork, retriesRejected: Bool = false) async throws {
        let body = ObjectChange.hint(for: work.header.object, retriesRejected: retriesRejected)
        try await stages.eventQueue.send(OutgoingMessage(body: body, group: work.header.tenant))
    }

    /// The hand-off object is deleted last, before the message is acknowledged.
    private func discard(_ work: EmbedWork) async throws -> Outcome? {
        if work.header.urgency == .batch { try await stages.batches?.discard(work.recordID, work.generation) }
        vectors.forget(work.key)
        try await handoff.discard(work.message)
        return .done
    }
}
