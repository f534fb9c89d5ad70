import ExtractionWire
import IngestCore

/// An event's way: ledger, object, text, chunks, generation, hand-over.
package struct IngestPipeline: Sendable {
    package var ledger: any Ledger
    package var store: any ObjectStore
    package var extractor: any Extractor
    package var chunker: Chunker
    package var handOver: HandOver
    package var chunkQueue: any MessageQueue
    package var settings: IngestSettings
    package var time: any TimeSource
    package var metrics: Metrics
    package var log: Log
    /// Events of one object are worked on one after the other: the second finds what the first has done.
    private let objects = OnePerKey()

    package init(
        ledger: any Ledger,
        store: any ObjectStore,
        extractor: any Extractor,
        chunker: Chunker,
        handOver: HandOver,
        chunkQueue: any MessageQueue,
        settings: IngestSettings,
        time: any TimeSource,
        metrics: Metrics,
        log: Log
    ) {
        self.ledger = ledger
        self.store = store
        self.extractor = extractor
        self.chunker = chunker
        self.handOver = handOver
        self.chunkQueue = chunkQueue
        self.settings = settings
        self.time = time
        self.metrics = metrics
        self.log = log
    }

    /// Events of one receive about the same single object are one job.
    package static let mergeKey: @Sendable (Delivery) -> String? = { delivery in
        guard case .changes(let changes) = try? EventParser.parse(delivery.body), changes.count == 1 else { return nil }
        return changes[0].object.description
    }

    /// One job: every object that its event names. The message is done when all of them are.
    package func handle(_ job: WorkLoop.Job) async -> Outcome {
        let changes: [ObjectChange]
        do throws(EventParser.Unreadable) {
            guard case .changes(let found) = try EventParser.parse(job.first.body) else { return .done }
            changes = found
        } catch {
            return .deadLetter([DeadLetter(reason: "unreadable_event", detail: error.description)])
        }
        var letters: [DeadLetter] = []
        for object in Set(changes.map(\.object)).sorted(by: { $0.description < $1.description }) {
            guard let tenant = settings.tenant(of: object) else { continue }
            switch await outcome(of: object, tenant, job) {
            case .done: continue
            case .deadLetter(let more): letters += more
            case let other: return other  // what is done already is found to be known next time
            }
        }
        return letters.isEmpty ? .done : .deadLetter(letters)
    }

    private func outcome(of object: ObjectReference, _ tenant: String, _ job: WorkLoop.Job) async -> Outcome {
        do {
            return try await objects.run(object.description) {
                var isRepeated = !job.isFirstAttempt
                while true {
                    if let outcome = try await ingest(object, tenant, job, isRepeated) { return outcome }
                    // The other one may have been ourselves, with an answer that was lost.
                    isRepeated = true
                    log.debug("somebody else moved first, starting again", ["object": object.description])
                }
            }
        } catch {
            let failure = Failure(error)
            log.debug("ingest failed", ["object": object.description, "error": failure.summary])
            return Outcome(failure) { deadLetter(object, $0, generation: nil) }
        }
    }

    /// The document's path up to the hand-over. Nil when a compare-and-set was lost: everything has to be looked at again.
    private func ingest(_ object: ObjectReference, _ tenant: String, _ job: WorkLoop.Job, _ isRepeated: Bool)
        async throws -> Outcome?
    {
        let document = DocumentID(tenant: tenant, object: object)
        let id = document.recordID(index: settings.names.chunks)
        let read = try await ledger.read(id)
        let record =
            read.record
            ?? DocumentRecord(tenant: tenant, object: object, index: settings.names.chunks, created: time.now)

        let found = try await content(of: object, record)
        if found.isUnchanged || record.knows(found.content) {
            if found.content == .absent {
                log.info("nothing to do: neither bucket nor index has it", ["object": object.description])
            }
            return try await leaveAsItIs(object, record, (id, read.version), isRepeated)
        }
        let extracted: ExtractedDocument?
        let chunks: [Chunk]
        do {
            (extracted, chunks) = try await text(found, object)
        } catch let rejection as Rejection {
            return try await reject(object, document, record, found.content, rejection, (id, read.version))
        }
        let reserved = record.reserving(found.content, chunkCount: chunks.count)
        guard case .written = try await ledger.write(id, reserved, over: read.version) else { return nil }
        var header = header(document, reserved, chunkCount: chunks.count)
        if let extracted { header.describe(extracted, lastModified: found.lastModified) }
        try await handOver(header, chunks, id, job)
        return .done
    }

    /// What the bucket holds now.
    private func content(of object: ObjectReference, _ record: DocumentRecord) async throws -> FoundContent {
        do {
            switch try await store.read(object, unless: record.knownETag) {
            case .unchanged: return .unchanged
            case .missing: return .absent
            case .object(let stored):
                metrics.add(.bytesDownloaded, stored.bytes)
                // Consoles mark folders with empty objects: nobody's document.
                if stored.bytes == 0, object.key.hasSuffix("/") { return .absent }
                return .stored(stored)
            }
        } catch let refused as RefusedObject {
            return .refused(refused)
        }
    }

    private func text(_ found: FoundContent, _ object: ObjectReference) async throws -> (ExtractedDocument?, [Chunk]) {
        switch found {
        case .stored(let stored):
            let hints = ExtractionHints(name: object.name, contentType: stored.contentType)
            let document = try await extractor.extract(stored, hints: hints)
            try check(document.notes)
            return (document, try chunker.chunks(of: document))
        case .refused(let refused): throw refused.rejection
        case .absent, .unchanged: return (nil, [])
        }
    }

    private func check(_ notes: DocumentNotes) throws(Rejection) {
        guard notes.quality >= settings.leastQuality else {
            throw Rejection(
                .lowQuality,
                "only \(notes.percent) % of its text looks like text (MIN_QUALITY): its fonts or encoding may be damaged; export it again, or run OCR"
            )
        }
        metrics.add(.qualityPercents, notes.percent)
    }

    /// Nothing to do: written down as well, so that an older read elsewhere cannot win. What an earlier attempt has rejected is told
    /// to the dead-letter queue again, as that attempt may have ended before.
    private func leaveAsItIs(
        _ object: ObjectReference,
        _ record: DocumentRecord,
        _ place: (id: String, version: RecordVersion),
        _ isRepeated: Bool
    ) async throws -> Outcome? {
        guard case .written = try await ledger.write(place.id, record.touched(), over: place.version) else {
            return nil
        }
        metrics.add(.documentsUnchanged)
        if isRepeated, let letter = letter(record) { return .deadLetter([letter]) }
        return .done
    }

    private func letter(_ record: DocumentRecord) -> DeadLetter? {
        record.knownRejection.map {
            DeadLetter(
                body: ObjectChange.hint(for: record.object),
                reason: $0.reason,
                detail: $0.detail,
                object: record.object.description,
                generation: $0.generation
            )
        }
    }

    /// After a lost lease: whoever has the message now may find the rejection that we have written, and take it for told.
    package func tidy(_ job: WorkLoop.Job) async -> [DeadLetter] {
        guard case .changes(let changes) = try? EventParser.parse(job.first.body) else { return [] }
        var letters: [DeadLetter] = []
        for object in Set(changes.map(\.object)).sorted(by: { $0.description < $1.description }) {
            guard let tenant = settings.tenant(of: object) else { continue }
            let id = DocumentID(tenant: tenant, object: object).recordID(index: settings.names.chunks)
            if let record = try? await ledger.read(id).record, let letter = letter(record) { letters.append(letter) }
        }
        return letters
    }

    private func reject(
        _ object: ObjectReference,
        _ document: DocumentID,
        _ record: DocumentRecord,
        _ content: Content,
        _ rejection: Rejection,
        _ place: (id: String, version: RecordVersion)
    ) async throws -> Outcome? {
        let refused = record.refusing(content, rejection)
        guard case .written(let version) = try await ledger.write(place.id, refused, over: place.version) else {
            return nil
        }
        metrics.add(.documentsRejected)
        if rejection.code == .needsOCR { metrics.add(.documentsNeedingOCR) }
        if settings.removesRejected, record.live?.chunkCount ?? 0 > 0 {
            let emptied = refused.reserving(content, chunkCount: 0)
            guard case .written = try await ledger.write(place.id, emptied, over: version) else { return nil }
            var header = header(document, emptied, chunkCount: 0)
            header.reason = rejection.code.name
            try await handOver(header, [], place.id, nil)
        }
        return .deadLetter([deadLetter(object, rejection, generation: refused.newest)])
    }

    private func handOver(_ header: ChunkMessage.Header, _ chunks: [Chunk], _ id: String, _ job: WorkLoop.Job?)
        async throws
    {
        let body = try await handOver.pack(header, chunks)
        try await chunkQueue.send(OutgoingMessage(body: body, trace: job?.first.trace, group: header.tenant))
        _ = try await ledger.update(id) { $0.handingOver(header.generation) }
        metrics.add(header.content == .absent ? .documentsDeleted : .documentsHandedOver)
        let facts = ["generation": "\(header.generation)", "chunks": "\(chunks.count)", "format": header.format]
        log.info("handed over", facts.merging(["object": header.object.description]) { $1 })
    }

    private func header(_ document: DocumentID, _ record: DocumentRecord, chunkCount: Int)
        -> ChunkMessage.Header
    {
        ChunkMessage.Header(
            tenant: record.tenant,
            object: record.object,
            documentID: document.description,
            index: settings.names.chunks,
            fingerprint: settings.names.fingerprint.description,
            generation: record.newest,
            content: record.pending?.content ?? .unknown,
            chunkCount: chunkCount
        )
    }

    private func deadLetter(_ object: ObjectReference, _ rejection: Rejection, generation: Int?) -> DeadLetter {
        DeadLetter(
            body: ObjectChange.hint(for: object),
            reason: rejection.code.name,
            detail: rejection.detail,
            object: object.description,
            generation: generation
        )
    }
}

/// What a read of the bucket found.
private enum FoundContent {
    case unchanged
    case absent
    case stored(StoredObject)
    case refused(RefusedObject)

    var isUnchanged: Bool { if case .unchanged = self { true } else { false } }

    var content: Content {
        switch self {
        case .unchanged: .unknown
        case .absent: .absent
        case .stored(let stored): .etag(stored.etag)
        case .refused(let refused): refused.etag.map { .etag($0) } ?? .unknown
        }
    }

    var lastModified: String { if case .stored(let stored) = self { stored.lastModified } else { "" } }
}

extension ChunkMessage.Header {
    fileprivate mutating func describe(_ document: ExtractedDocument, lastModified: String) {
        format = document.format.name
        title = String(document.title.prefix(512))
        language = document.language
        author = document.author.isEmpty ? nil : String(document.author.prefix(256))
        quality = document.notes.percent
        flags = document.notes.flags
        self.lastModified = lastModified
    }
}
