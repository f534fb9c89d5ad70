import ExtractionWire
import IngestCore

/// A chunk message's way: ledger, vectors, index, commit, clean-up.
package struct EmbedPipeline: Sendable {
    package var ledger: any Ledger
    package var index: any ChunkIndex
    package var handOver: HandOver
    /// For a fresh event where a hand-over was lost.
    package var eventQueue: any MessageQueue
    /// The physical index that this worker's settings mean.
    package var indexName: String
    package var stalenessBound: Duration
    /// Its own queue, and how long after a redelivery what was written too late is looked for.
    package var chunkQueue: any MessageQueue
    package var tidyAfter: Duration
    package var time: any TimeSource
    package var metrics: Metrics
    package var log: Log
    private let patience: Patience
    private let vectors: VectorSource

    /// - Parameter patience: how long vectors that are paid for are kept trying to get into the index.
    package init(
        ledger: any Ledger,
        index: any ChunkIndex,
        embeddings: EmbeddingBatcher,
        handOver: HandOver,
        eventQueue: any MessageQueue,
        indexName: String,
        stalenessBound: Duration,
        chunkQueue: any MessageQueue,
        tidyAfter: Duration,
        patience: Patience,
        time: any TimeSource,
        metrics: Metrics,
        log: Log
    ) {
        self.ledger = ledger
        self.index = index
        self.handOver = handOver
        self.eventQueue = eventQueue
        self.indexName = indexName
        self.stalenessBound = stalenessBound
        self.chunkQueue = chunkQueue
        self.tidyAfter = tidyAfter
        self.time = time
        self.metrics = metrics
        self.log = log
        self.patience = patience
        vectors = VectorSource(
            index: index,
            embeddings: embeddings,
            paid: PaidVectors(),
            patience: patience,
            metrics: metrics
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
            case .malformed:
                return .deadLetter([
                    DeadLetter(reason: "unreadable_message", detail: "not a chunk message of ingest-worker")
                ])
            }
        }
        let work = EmbedWork(message)
        guard work.header.index == indexName else {
            return .leave("\(work.header.index) is not this worker's index, \(indexName)")
        }
        do {
            guard message.payload != .tidying else { return try await tidyUp(work) }
            if job.first.receiveCount > 1, job.pauses == 0 { try await askForTidying(work) }
            while true {
                let isFirst = job.isFirstAttempt
                let outcome =
                    vectors.holds(work.key)
                    ? try await patience.run { try await process(work, isFirstAttempt: isFirst) }
                    : try await process(work, isFirstAttempt: isFirst)
                if let outcome { return outcome }
            }
        } catch {
            let failure = Failure(error)
            log.debug("embed failed", work.metadata.merging(["error": failure.summary]) { $1 })
            return Outcome(failure) { work.deadLetter($0) }
        }
    }

    /// After a lost lease: another worker may have finished the message and cleaned up before our last write. Then that is ours to remove.
    package func tidy(_ job: WorkLoop.Job) async -> [DeadLetter] {
        guard let message = try? ChunkMessage(decoding: job.first.body), message.header.index == indexName else {
            return []
        }
        let work = EmbedWork(message)
        guard let record = try? await ledger.read(work.recordID).record else { return [] }
        switch record.decision(for: work.generation, isFirstDelivery: false, isStale: false) {
        case .remove, .tellAgain:
            _ = try? await remove(work)
            return []
        case .rejected(let entry):
            _ = try? await remove(work)
            return [work.deadLetter(entry)]
        case .embed, .finish, .outdated: return []
        }
    }

    /// Somebody else had the message before, and may still have it: whoever writes last and dies then leaves chunks that nobody looks for.
    private func askForTidying(_ work: EmbedWork) async throws {
        let message = ChunkMessage(header: work.header, payload: .tidying)
        try await chunkQueue.send(
            OutgoingMessage(body: try message.encoded(), group: work.header.tenant, delay: tidyAfter)
        )
    }

    /// Removes what is left of a generation that will not be live. One that is still on its way is its own message's.
    private func tidyUp(_ work: EmbedWork) async throws -> Outcome {
        if let record = try await ledger.read(work.recordID).record {
            switch record.decision(for: work.generation, isFirstDelivery: false, isStale: false) {
            case .remove, .tellAgain, .rejected:
                try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount)
            case .embed, .finish, .outdated: break
            }
        }
        return .done
    }

    /// Does what the ledger's record asks for. Nil when it has changed under the decision: then it has to be taken again.
    private func process(_ work: EmbedWork, isFirstAttempt: Bool) async throws -> Outcome? {
        guard let record = try await ledger.read(work.recordID).record else {
            // The ledger was lost or rebuilt: the bucket knows.
            try await tellAgain(work)
            return try await discard(work)
        }
        let isStale = record.isStale(at: time.now, bound: stalenessBound)
        switch record.decision(for: work.generation, isFirstDelivery: isFirstAttempt, isStale: isStale) {
        case .finish: return try await finish(work)
        case .remove: return try await remove(work)
        case .rejected(let entry):
            guard try await remove(work) != nil else { return nil }
            return .deadLetter([work.deadLetter(entry)])
        case .outdated:
            metrics.add(.documentsSuperseded)
            return try await discard(work)
        case .tellAgain:
            try await tellAgain(work)
            return try await remove(work)
        case .embed:
            do {
                try await embed(work, record, isFirstAttempt: isFirstAttempt)
            } catch is HandOver.Loss {
                return try await abandon(work, isFirstAttempt: isFirstAttempt)
            } catch let rejection as Rejection {
                return try await reject(work, rejection)
            } catch Failure.document(let rejection) {
                return try await reject(work, rejection)
            }
            return try await commit(work)
        }
    }

    /// Chunks to vectors to index. What is there already, of ours or with equal text in the live version, is not paid for again.
    private func embed(_ work: EmbedWork, _ record: DocumentRecord, isFirstAttempt: Bool) async throws {
        guard work.header.chunkCount > 0 else { return }
        let chunks = try await handOver.unpack(work.message)
        let written =
            isFirstAttempt
            ? [:] : try await index.hashes(work.document, generation: work.generation, count: chunks.count)
        let missing = chunks.filter { written[$0.index] == nil }
        try await vectors.provide(for: missing, of: work.key, over: record.live) { vectors in
            let indexed = missing.map {
                IndexedChunk(
                    documentID: work.document,
                    generation: work.generation,
                    chunk: $0,
                    vector: vectors[$0.index] ?? []
                )
            }
            try await index.create(indexed, work.header)
        }
    }

    private func commit(_ work: EmbedWork) async throws -> Outcome? {
        let header = work.header
        let now = time.now
        // Given back now, it could be superseded and removed before it comes again, and be paid for again then.
        let outcome = try await patience.run {
            try await ledger.update(work.recordID) {
                $0.committing(
                    work.generation,
                    header.content,
                    chunkCount: header.chunkCount,
                    reason: header.reason,
                    quality: header.quality,
                    at: now
                )
            }
        }
        guard outcome.written != nil else { return try await remove(work) }
        metrics.add(.documentsIndexed)
        log.info("live", work.metadata.merging(["chunks": "\(header.chunkCount)"]) { $1 })
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
    private func remove(_ work: EmbedWork) async throws -> Outcome? {
        guard try await ledger.read(work.recordID).record?.live?.generation != work.generation else { return nil }
        try await index.delete(work.document, generation: work.generation, count: work.header.chunkCount)
        metrics.add(.documentsSuperseded)
        return try await discard(work)
    }

    private func reject(_ work: EmbedWork, _ rejection: Rejection) async throws -> Outcome? {
        // What was paid for is not in the index, and would be paid for again.
        let outcome = try await patience.run {
            try await ledger.update(work.recordID) {
                $0.rejecting(work.generation, work.header.content, rejection)
            }
        }
        guard outcome.written != nil else { return nil }
        metrics.add(.documentsRejected)
        _ = try await remove(work)
        return .deadLetter([work.deadLetter(rejection)])
    }

    private func abandon(_ work: EmbedWork, isFirstAttempt: Bool) async throws -> Outcome? {
        let now = time.now
        let outcome = try await ledger.update(work.recordID) { record in
            let isStale = record.isStale(at: now, bound: stalenessBound)
            let decision = record.decision(for: work.generation, isFirstDelivery: isFirstAttempt, isStale: isStale)
            return decision == .embed ? record.abandoning(work.generation) : nil
        }
        guard outcome.written != nil else { return nil }
        metrics.add(.documentsAbandoned)
        log.warning("the chunks handed over are gone: the object is read again", work.metadata)
        try await tellAgain(work)
        return try await remove(work)
    }

    private func tellAgain(_ work: EmbedWork) async throws {
        try await eventQueue.send(
            OutgoingMessage(body: ObjectChange.hint(for: work.header.object), group: work.header.tenant)
        )
    }

    /// The hand-over object goes last; then the message may.
    private func discard(_ work: EmbedWork) async throws -> Outcome? {
        vectors.forget(work.key)
        try await handOver.discard(work.message)
        return .done
    }
}

/// A chunk message with the names that follow from it.
private struct EmbedWork: Sendable {
    let message: ChunkMessage
    let document: DocumentID
    let recordID: String

    init(_ message: ChunkMessage) {
        self.message = message
        document = DocumentID(message.header.documentID)
        recordID = document.recordID(index: message.header.index)
    }

    var header: ChunkMessage.Header { message.header }
    var generation: Int { header.generation }
    var key: PaidVectors.Key { PaidVectors.Key(document, generation) }
    var metadata: Log.Metadata { ["object": header.object.description, "generation": "\(generation)"] }

    func deadLetter(_ rejection: Rejection) -> DeadLetter { deadLetter(rejection.code.name, rejection.detail) }
    func deadLetter(_ entry: RejectedGeneration) -> DeadLetter { deadLetter(entry.reason, entry.detail) }

    private func deadLetter(_ reason: String, _ detail: String) -> DeadLetter {
        DeadLetter(
            reason: reason,
            detail: detail,
            object: header.object.description,
            generation: generation
        )
    }
}
