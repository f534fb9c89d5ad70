import AsyncPrimitives
import ExtractionWire
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// Both pipelines over stores in memory: what the promise says, step by step.
@Suite struct PipelineTests {
    private let stores = MemoryStores()
    let index = InMemoryIndex()
    let embedder = HashEmbedder()
    let events: InMemoryQueue
    let chunks: InMemoryQueue
    let sweeps: InMemoryQueue
    let object = ObjectReference(bucket: "docs", key: "a.txt")

    init() {
        events = InMemoryQueue(time: stores.time)
        chunks = InMemoryQueue(time: stores.time)
        sweeps = InMemoryQueue(time: stores.time)
    }

    private var time: VirtualTime { stores.time }
    private var store: InMemoryObjectStore { stores.store }
    private var ledger: InMemoryLedger { stores.ledger }
    private var names: IndexNames { stores.names }
    private var recordID: String { DocumentID(tenant: "default", object: object).recordID(index: names.chunks) }
    private var record: DocumentRecord? { ledger.record(recordID) }

    private func ingest(
        removesRejected: Bool = false,
        inlineBytes: Int = 100_000,
        rejections: RejectionSettings = RejectionSettings()
    ) -> IngestPipeline {
        let handoff = ChunkHandoff(store: store, bucket: "hand", inlineBytes: inlineBytes)
        return stores.ingest(into: chunks, handoff: handoff, environment: .test(time: time)) { settings in
            settings.removesRejected = removesRejected
            settings.rejections = rejections
        }
    }

    private func embed(_ job: WorkLoop.Job) async -> Outcome {
        let batcher = EmbeddingBatcher(embedder, linger: .zero, time: time)
        let queues = (events: events, sweeps: sweeps)
        let pipeline = stores.embed(batcher, into: index, queues: queues, environment: .test(time: time))
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { await batcher.run() }
            defer { group.cancelAll() }
            return await pipeline.handle(job)
        }
    }

    private func embedLast(count: Int = 1) async throws -> Outcome { await embed(try lastChunkMessage(count: count)) }

    private func delivery(_ body: String, count: Int = 1) -> WorkLoop.Job {
        .test(body, receives: count, at: time.now)
    }

    private func event(count: Int = 1) -> WorkLoop.Job { delivery(ObjectChange.hint(for: object), count: count) }

    private func lastChunkMessage(count: Int = 1) throws -> WorkLoop.Job {
        delivery(try #require(chunks.messages.last).message.body, count: count)
    }

    /// Puts a version in and carries it all the way.
    private func publish(_ text: String) async throws {
        store.put(object, text)
        #expect(await ingest().handle(event()) == .done)
        #expect(try await embedLast() == .done)
    }

    static func paragraphs(_ range: Range<Int>, _ word: String = "sea") -> String {
        range.map { "Paragraph \($0) of the \(word) and of the wind, of ships and sails." }.joined(separator: "\n\n")
    }

    @Test func aDocumentBecomesSearchableAndADuplicateEventCostsNothing() async throws {
        try await publish(Self.paragraphs(0..<5))
        #expect(record?.live?.generation == 1 && record?.pending == nil)
        #expect(index.texts(1).count == record?.live?.chunkCount)
        let paid = embedder.embedded.count
        let reads = store.bodiesRead
        for _ in 0..<20 { #expect(await ingest().handle(event()) == .done) }
        #expect(chunks.messages.count == 1 && embedder.embedded.count == paid && store.bodiesRead == reads)
        #expect(record?.touches == 20, "'nothing to do' is a write, too")
    }

    @Test func aChangeReplacesAndPaysOnlyForWhatIsNew() async throws {
        try await publish(Self.paragraphs(0..<6))
        let paid = embedder.embedded.count
        try await publish(Self.paragraphs(0..<5) + "\n\nA new last paragraph about the lamp of the tower.")
        #expect(embedder.embedded.count == paid + 1)
        #expect(record?.live?.generation == 2 && record?.retired.isEmpty == true)
        #expect(index.ids.allSatisfy { $0.contains(":2:") } && index.ids.count == 6)
    }

    @Test func aDeletionTakesTheSameWayAndALateEventChangesNothing() async throws {
        try await publish(Self.paragraphs(0..<3))
        store.remove(object)
        #expect(await ingest().handle(event()) == .done)
        #expect(try await embedLast() == .done)
        #expect(index.ids.isEmpty && record?.live?.content == .absent)
        #expect(await ingest().handle(event()) == .done)
        #expect(chunks.messages.count == 2)
    }

    @Test func aReplacementThatDiesAfterThreeOfTenChunksLeavesTheOldVersionWhole() async throws {
        try await publish(Self.paragraphs(0..<10, "sea"))
        let old = index.texts(1)
        store.put(object, Self.paragraphs(0..<10, "land"))
        #expect(await ingest().handle(event()) == .done)
        index.fail(afterChunks: 3)
        guard case .retry = try await embedLast() else { return _ = Issue.record("not retried") }
        #expect(index.texts(2).count == 3 && index.texts(1) == old && record?.live?.generation == 1)
        index.fail(afterChunks: .max)
        let paid = embedder.embedded.count
        #expect(try await embedLast(count: 2) == .done)
        #expect(index.texts(2).count == 10 && index.texts(1).isEmpty && record?.live?.generation == 2)
        #expect(embedder.embedded.count == paid + 7, "the three that were written are not paid for again")
    }

    @Test func messagesInTheWrongOrderEndWithTheNewest() async throws {
        store.put(object, Self.paragraphs(0..<3, "first"))
        #expect(await ingest().handle(event()) == .done)
        let first = try lastChunkMessage(count: 2)
        store.put(object, Self.paragraphs(0..<2, "second"))
        #expect(await ingest().handle(event()) == .done)
        let second = try lastChunkMessage()
        for job in [second, first, second] { #expect(await embed(job) == .done) }
        #expect(index.texts(1).isEmpty && index.texts(2).count == 2 && record?.live?.generation == 2)
    }

    @Test func aVersionThatWillBeSupersededIsNotPaidForUnlessReadersWaitTooLong() async throws {
        store.put(object, Self.paragraphs(0..<3, "first"))
        #expect(await ingest().handle(event()) == .done)
        let first = try lastChunkMessage()
        store.put(object, Self.paragraphs(0..<3, "second"))
        #expect(await ingest().handle(event()) == .done)
        #expect(await embed(first) == .done)
        #expect(embedder.embedded.isEmpty && record?.live == nil)
        try await time.flowing { try await time.sleep(for: .seconds(301)) }
        #expect(await embed(first) == .done)
        #expect(record?.live?.generation == 1, "a document rewritten all the time would never be indexed")
    }

    @Test func aConflictStartsAgainFromTheLedger() async throws {
        store.put(object, Self.paragraphs(0..<2, "old"))
        let (ledger, id, store, object) = (ledger, recordID, store, object)
        ledger.interruptNextWrite {
            store.put(object, Self.paragraphs(0..<2, "new"))
            Self.sneak(ledger, id, object)
        }
        #expect(await ingest().handle(event()) == .done)
        #expect(try await embedLast() == .done)
        #expect(index.texts(1).allSatisfy { $0.contains("new") } && !index.texts(1).isEmpty)
    }

    /// Another worker writes the record first.
    private static func sneak(_ ledger: InMemoryLedger, _ id: String, _ object: ObjectReference) {
        let done = LockedValue(false)
        Task {
            let record = DocumentRecord(
                tenant: "default",
                object: object,
                index: "x",
                created: Timestamp(milliseconds: 0)
            )
            _ = try? await ledger.write(id, record, over: .absent)
            done.withLock { $0 = true }
        }
        while !done.withLock({ $0 }) {}
    }

    @Test func aRejectedVersionLeavesTheOldOneAndSaysWhy() async throws {
        try await publish(Self.paragraphs(0..<3))
        store.put(object, "!damaged")
        guard case .deadLetter(let deadLetterMessages) = await ingest().handle(event()) else {
            return _ = Issue.record("not rejected")
        }
        #expect(
            deadLetterMessages.map(\.reason) == ["malformed"] && deadLetterMessages[0].object == "s3://docs/a.txt"
                && deadLetterMessages[0].generation == 2
        )
        #expect(
            record?.lastRejection?.reason == "malformed" && record?.live?.generation == 1 && index.texts(1).count == 3
        )
        #expect(await ingest().handle(event()) == .done, "known, and nothing to pay")
        guard case .deadLetter = await ingest().handle(event(count: 2)) else {
            return _ = Issue.record("the dead-letter message may have been lost")
        }
    }

    @Test func aRejectedVersionRemovesTheOldOneWhereTheSettingSaysSo() async throws {
        try await publish(Self.paragraphs(0..<3))
        store.put(object, "!damaged")
        guard case .deadLetter = await ingest(removesRejected: true).handle(event()) else {
            return _ = Issue.record("not rejected")
        }
        #expect(try await embedLast() == .done)
        #expect(index.ids.isEmpty && record?.live?.reason == "malformed")
        #expect(await ingest(removesRejected: true).handle(event()) == .done)
        #expect(chunks.messages.count == 2)
    }

    @Test func aRefusalOfTheProviderOrTheIndexRejectsTheGeneration() async throws {
        try await publish(Self.paragraphs(0..<3))
        store.put(object, Self.paragraphs(0..<4, "other"))
        #expect(await ingest().handle(event()) == .done)
        index.refuse(Rejection(.indexRefused, "not to the index's taste"))
        guard case .deadLetter(let deadLetterMessages) = try await embedLast() else {
            return _ = Issue.record("not rejected")
        }
        #expect(deadLetterMessages[0].reason == "index_refused" && deadLetterMessages[0].generation == 2)
        #expect(record?.live?.generation == 1 && record?.pending == nil && index.ids.allSatisfy { $0.contains(":1:") })
    }

    @Test func largeSetsTravelAsAnObjectThatGoesLast() async throws {
        store.put(object, Self.paragraphs(0..<40))
        #expect(await ingest(inlineBytes: 200).handle(event()) == .done)
        #expect(store.keys.contains { $0.bucket == "hand" })
        #expect(try await embedLast() == .done)
        #expect(!store.keys.contains { $0.bucket == "hand" } && record?.live?.generation == 1)
    }

    @Test func aLostPayloadIsAbandonedAndReadAgain() async throws {
        store.put(object, Self.paragraphs(0..<40))
        #expect(await ingest(inlineBytes: 200).handle(event()) == .done)
        store.remove(try #require(store.keys.first { $0.bucket == "hand" }))
        #expect(try await embedLast() == .done)
        #expect(record?.rejected.first?.isAbandoned == true && record?.pending == nil && events.messages.count == 1)
        #expect(await ingest().handle(delivery(events.messages[0].message.body)) == .done)
        #expect(try await embedLast() == .done)
        #expect(record?.live?.generation == 2 && record?.rejected.isEmpty == true)
    }

    @Test func aHandoffThatWasNeverConfirmedCountsForNothing() async throws {
        store.put(object, Self.paragraphs(0..<3))
        chunks.failNextSends(1)
        guard case .retry = await ingest().handle(event()) else { return _ = Issue.record("not retried") }
        #expect(record?.pending?.handedOff == false)
        #expect(await ingest().handle(event(count: 2)) == .done)
        #expect(try await embedLast() == .done)
        #expect(record?.live?.generation == 2 && record?.retired.isEmpty == true && index.texts(2).count == 3)
    }

    @Test func newerMessagesAndOtherIndexesAreLeftToOthers() async throws {
        store.put(object, Self.paragraphs(0..<2))
        #expect(await ingest().handle(event()) == .done)
        let body = try #require(chunks.messages.last).message.body
        let newer = body.replacing("\"version\":1", with: "\"version\":\(ChunkMessage.version + 1)")
        guard case .leave = await embed(delivery(newer)) else {
            return _ = Issue.record("a newer message was not left")
        }
        guard case .leave = await embed(delivery(body.replacing(names.chunks, with: "t-chunks-other"))) else {
            return _ = Issue.record("another index's message was not left")
        }
        guard case .deadLetter = await embed(delivery("{}")) else {
            return _ = Issue.record("an unreadable message was not rejected")
        }
    }

    @Test func fleetFaultsPauseAndUnreadableEventsAreDeadLettered() async throws {
        store.put(object, Self.paragraphs(0..<2))
        #expect(await ingest().handle(event()) == .done)
        embedder.failNext(Failure.fleet("no quota", of: .provider))
        #expect(try await embedLast() == .blocked(.fleet("no quota", of: .provider)))
        guard case .deadLetter(let deadLetterMessages) = await ingest().handle(delivery("hello")) else {
            return _ = Issue.record("not rejected")
        }
        #expect(deadLetterMessages[0].reason == "unreadable_event")
    }

    @Test func theFleetsOwnObjectsAndFolderMarksAreNoDocuments() async throws {
        let own = ObjectReference(bucket: "hand", key: "hand-over/x/1.zst")
        store.put(own, "bytes")
        #expect(await ingest().handle(delivery(ObjectChange.hint(for: own))) == .done)
        let folder = ObjectReference(bucket: "docs", key: "folder/")
        store.put(folder, "")
        #expect(await ingest().handle(delivery(ObjectChange.hint(for: folder))) == .done)
        #expect(chunks.messages.isEmpty)
    }

    // Rejections are alive.

    @Test func aRejectionIsTriedAgainWhenItsSettingsHaveChanged() async throws {
        store.put(object, "!malformed")
        let before = RejectionSettings([.malformed: "VERSION=1"])
        guard case .deadLetter(let deadLetterMessages) = await ingest(rejections: before).handle(event()) else {
            return _ = Issue.record("not rejected")
        }
        #expect(record?.lastRejection?.settings == "VERSION=1")
        #expect(deadLetterMessages[0].body.map { $0.contains("retriesRejected") } == true)
        let reads = store.bodiesRead
        #expect(await ingest(rejections: before).handle(event()) == .done, "the same settings: nothing to do")
        #expect(store.bodiesRead == reads)
        guard case .deadLetter = await ingest(rejections: RejectionSettings([.malformed: "VERSION=2"])).handle(event())
        else { return _ = Issue.record("not tried again") }
        #expect(store.bodiesRead == reads + 1)
    }

    @Test func aRejectionIsTriedAgainWhenAnOperatorAsks() async throws {
        store.put(object, "!malformed")
        guard case .deadLetter(let deadLetterMessages) = await ingest().handle(event()) else {
            return _ = Issue.record("not rejected")
        }
        let reads = store.bodiesRead
        // A dead-letter message, sent back with its attributes or as a copy of its body.
        guard case .deadLetter = await ingest().handle(delivery(try #require(deadLetterMessages[0].body))) else {
            return _ = Issue.record("the body does not ask for another try")
        }
        var redriven = event()
        redriven.deliveries[0].attributes = ["reason": "malformed"]
        guard case .deadLetter = await ingest().handle(redriven) else {
            return _ = Issue.record("the attribute does not")
        }
        #expect(store.bodiesRead == reads + 2)
    }

    @Test func whatTheProviderRefusesIsListedAndTriedAgainByALaterEvent() async throws {
        store.put(object, Self.paragraphs(0..<3))
        #expect(await ingest().handle(event()) == .done)
        let refusal = EmbeddingError(HTTPResponse(status: 400, body: Array(#"{"error":"no"}"#.utf8)))
        embedder.failNext(Failure.document(Rejection(.embeddingRefused, "\(refusal)")))
        guard case .deadLetter(let deadLetterMessages) = try await embedLast() else {
            return _ = Issue.record("no dead-letter message")
        }
        #expect(deadLetterMessages[0].reason == "embedding_refused")
        #expect(
            record?.lastRejection?.reason == "embedding_refused" && record?.pending == nil,
            "listed, and not pending"
        )
        #expect(index.ids.isEmpty)
        // A duplicate of the event that was sent before changes nothing; a new one is another try.
        #expect(await ingest().handle(event()) == .done)
        #expect(chunks.messages.count == 1)
        var later = event()
        later.deliveries[0].sent = time.now.advanced(by: .seconds(5))
        #expect(await ingest().handle(later) == .done)
        #expect(chunks.messages.count == 2)
        #expect(try await embedLast() == .done)
        #expect(record?.live != nil && record?.lastRejection == nil)
    }

    @Test func aDeadLetterOfTheChunkQueueGoesBackAsAnEvent() async throws {
        let body = ObjectChange.hint(for: object, retriesRejected: true)
        #expect(await embed(delivery(body)) == .done)
        let sent = try #require(events.messages.last?.message.body)
        guard case .changes(let changes) = try EventParser.parse(sent) else { return _ = Issue.record("no event") }
        #expect(changes.map(\.object) == [object] && changes[0].retriesRejected)
    }

    @Test func theLastReceiveRejectsInTheLedger() async throws {
        store.put(object, Self.paragraphs(0..<2))
        let rejection = Rejection(.retriesExhausted, "3 receives failed")
        let deadLetterMessages = try await ingest().exhaust(event(), rejection)
        #expect(
            deadLetterMessages.map(\.reason) == ["retries_exhausted"]
                && record?.lastRejection?.reason == "retries_exhausted"
        )
        #expect(
            try await ingest().exhaust(event(), rejection).count == 1,
            "again after a crash: the same dead-letter message"
        )
    }

    @Test func twinsInOneMessageAreBothIndexed() async throws {
        let twins = ["caf\u{E9}.txt", "cafe\u{301}.txt"].map { ObjectReference(bucket: "docs", key: $0) }
        for twin in twins { store.put(twin, Self.paragraphs(0..<2, "twin")) }
        let records = twins.map {
            #"{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"docs"},"object":{"key":""#
                + PercentEncoding.encode($0.key) + #""}}}"#
        }
        let body = "{\"Records\":[\(records.joined(separator: ","))]}"
        #expect(await ingest().handle(delivery(body)) == .done)
        #expect(chunks.messages.count == 2)
        let ids = try chunks.messages.map { try ChunkMessage(decoding: $0.message.body).header.documentID }
        #expect(Set(ids).count == 2)
    }

    @Test func metadataIsCutInBytes() async throws {
        let accents = String(repeating: "a\u{301}", count: 100_000)
        #expect(accents.prefix(utf8: 1024).utf8.count <= 1024 && accents.prefix(utf8: 1023).utf8.count <= 1023)
        #expect("é".prefix(utf8: 1).isEmpty && "aé".prefix(utf8: 2) == "a" && "日本".prefix(utf8: 5) == "日")
    }
}
