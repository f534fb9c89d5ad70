import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import OpenSearch
import Resilience
import Testing

/// What a repair, a changed rule, an erasure and another pipeline's vectors do to documents, over stores in memory.
@Suite struct RepairTests {
    private let stores = MemoryStores()
    private let index = InMemoryIndex()
    private let embedder = HashEmbedder()
    private let events: InMemoryQueue
    private let chunks: InMemoryQueue
    private let object = ObjectReference(bucket: "docs", key: "a.txt")

    init() {
        events = InMemoryQueue(time: stores.time)
        chunks = InMemoryQueue(time: stores.time)
    }

    private func recordID(_ tenant: String = "default") -> String {
        DocumentID(tenant: tenant, object: object).recordID(index: stores.names.chunks)
    }

    private func record(_ tenant: String = "default") -> DocumentRecord? { stores.ledger.record(recordID(tenant)) }

    /// One event, and the chunk messages that follow from it.
    private func process(_ body: String, rules: String = "", donors: [VectorDonor] = [], reuses: Bool = false)
        async throws
    {
        let before = chunks.messages.count
        let rules = try DocumentRules(parsing: rules, tenant: "default")
        let ingest = stores.ingest(into: chunks, environment: .test(time: stores.time)) { $0.rules = rules }
        #expect(await ingest.handle(.test(body, at: stores.time.now)) == .done)
        for message in chunks.messages.dropFirst(before) { try await embed(message.message.body, donors, reuses) }
    }

    private func embed(_ body: String, _ donors: [VectorDonor] = [], _ reuses: Bool = false) async throws {
        let batcher = EmbeddingBatcher(embedder, linger: .zero, time: stores.time)
        let queues = (events: events, sweeps: events)
        let pipeline = stores.embed(
            batcher,
            into: index,
            queues: queues,
            donors: donors,
            reusesWithinTenant: reuses,
            environment: .test(time: stores.time)
        )
        let outcome = await withTaskGroup(of: Void.self) { group in
            group.addTask { await batcher.run() }
            defer { group.cancelAll() }
            return await pipeline.handle(.test(body, at: stores.time.now))
        }
        #expect(outcome == .done)
    }

    private var hint: String { ObjectChange.hint(for: object) }
    private var repairHint: String { ObjectChange.hint(for: object, retriesRejected: true, rebuilds: true) }

    private func repair(_ groups: [ChunkGroup]) async throws {
        var state = KeyState(object)
        state.groups = groups
        let client = OpenSearchClient(
            endpoint: Endpoint(isSecure: false, host: "h"),
            http: ScriptedHTTPClient { _, _ in HTTPResponse(status: 200, body: Array(#"{"deleted":1}"#.utf8)) },
            retrying: Retrying(policy: RetryPolicy(maximumAttempts: 1))
        )
        let repair = Repair(
            ledger: stores.ledger,
            events: events,
            removal: DamageRemoval(client: client, names: stores.names),
            index: stores.names.chunks,
            time: stores.time
        )
        try await repair.run(state)
        let sent = try #require(events.messages.last).message.body
        try await process(sent)
    }

    private func group(_ generation: Int, last: Int, tenant: String = "default") -> ChunkGroup {
        let document = DocumentID(tenant: tenant, object: object).description
        return ChunkGroup(documentID: document, generation: generation, tenant: tenant, count: last + 1, last: last)
    }

    @Test func aRepairMakesANewVersionOfKnownContentAndPaysForWhatIsMissing() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<5))
        try await process(hint)
        let paid = embedder.embedded.count
        try await process(hint)
        #expect(record()?.live?.generation == 1 && embedder.embedded.count == paid)
        // A chunk is lost.
        try await index.delete(DocumentID(tenant: "default", object: object), generation: 1, count: 1)
        try await repair([group(1, last: 4)])
        #expect(record()?.live?.generation == 2 && record()?.retired.isEmpty == true)
        #expect(index.texts(2).count == 5 && index.texts(1).isEmpty)
        #expect(embedder.embedded.count == paid + 1, "the four that are there are not paid for again")
    }

    @Test func chunksThatTheLedgerDoesNotKnowAreRemovedByTheNextCommit() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<3))
        try await process(hint)
        // The ledger was restored from a snapshot, and knows nothing of generation 7.
        try await repair([group(1, last: 2), group(7, last: 1)])
        #expect(record()?.live?.generation == 8 && record()?.newest == 8, "no number is given out twice")
        #expect(record()?.retired.isEmpty == true && record()?.due.isEmpty == true)
    }

    @Test func numbersThatNoWorkerWritesDoNotBecomeTheRecords() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<3))
        try await process(hint)
        try await repair([group(1, last: 2), group(1 << 60, last: 0)])
        #expect(record()?.newest == 2)
    }

    @Test func aDeletionRemovesTheDocumentOfAFormerTenant() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<3))
        try await process(hint, rules: "s3://docs/=former")
        #expect(record("former")?.live?.chunkCount == 3)
        stores.store.remove(object)
        try await process(hint)
        #expect(record("former")?.live?.content == .absent && index.ids.isEmpty)
    }

    @Test func aRepairMovesADocumentToItsTenantAndRemovesWhatARuleLeavesOut() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<3))
        try await process(hint, rules: "s3://docs/=former")
        try await process(hint, rules: "s3://docs/=other")
        #expect(
            record("former")?.live?.chunkCount == 3,
            "an ordinary event of an object that is there does not look for others"
        )
        try await process(repairHint, rules: "s3://docs/=other")
        #expect(record("former")?.live?.chunkCount == 0 && record("other")?.live?.chunkCount == 3)
        try await process(repairHint, rules: "!s3://docs/a")
        #expect(record("other")?.live?.chunkCount == 0 && index.ids.isEmpty)
    }

    @Test func anErasedDocumentThatComesBackCountsOn() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<3))
        try await process(hint)
        stores.store.remove(object)
        try await process(hint)
        let read = try await stores.ledger.read(recordID())
        let gone = try #require(read.record)
        #expect(gone.isGone && gone.newest == 2)
        let erased = gone.erased(at: stores.time.now)
        #expect(erased.tenant.isEmpty && erased.bucket.isEmpty && erased.key.isEmpty && erased.newest == 2)
        _ = try await stores.ledger.write(recordID(), erased, over: read.version)
        stores.store.put(object, PipelineTests.paragraphs(0..<2))
        try await process(hint)
        #expect(record()?.live?.generation == 3 && record()?.object == object && record()?.tenant == "default")
    }

    @Test func vectorsOfAnotherPipelineAreTakenForEqualTexts() async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<4))
        try await process(hint)
        let paid = embedder.embedded.count
        // The first pipeline's index becomes the donor of a second one, whose record is still empty.
        let donor = VectorDonor(name: "donor", chunks: index)
        var theirs = try #require(record())
        theirs.index = "donor"
        let id = DocumentID(tenant: "default", object: object).recordID(index: "donor")
        _ = try await stores.ledger.write(id, theirs, over: .absent)
        let second = RepairTests(sharing: self)
        try await second.process(second.hint, donors: [donor])
        #expect(second.index.texts(1).count == 4 && second.embedder.embedded.isEmpty && embedder.embedded.count == paid)
    }

    /// By setting, and within the tenant: another's texts are paid for again.
    @Test(arguments: [(true, "default", 1), (false, "default", 4), (true, "other", 4)])
    func aTextOfAnotherDocumentIsNotPaidForAgain(_ reuses: Bool, _ tenant: String, _ paid: Int) async throws {
        stores.store.put(object, PipelineTests.paragraphs(0..<4))
        try await process(hint)
        let before = embedder.embedded.count
        let copy = ObjectReference(bucket: "docs", key: "copies/a.txt")
        stores.store.put(copy, PipelineTests.paragraphs(1..<5))
        let rules = "s3://docs/copies/=\(tenant)"
        try await process(ObjectChange.hint(for: copy), rules: rules, reuses: reuses)
        #expect(embedder.embedded.count - before == paid)
        #expect(index.ids.count == 8)
        let vectors = try await index.vectors(
            DocumentID(tenant: tenant, object: copy),
            generation: 1,
            chunks: Array(0..<4)
        )
        let originals = try await index.vectors(
            DocumentID(tenant: "default", object: object),
            generation: 1,
            chunks: Array(0..<4)
        )
        #expect(vectors[0] == originals[1] && vectors[2] == originals[3] && vectors.count == 4)
    }

    /// The same object and the donor's records, and an index of its own.
    private init(sharing other: RepairTests) {
        self.init()
        stores.store.put(object, PipelineTests.paragraphs(0..<4))
        for record in other.stores.ledger.all where record.index == "donor" {
            let id = DocumentID(tenant: record.tenant, object: record.object).recordID(index: record.index)
            stores.ledger.put(id, record)
        }
    }
}
