import AsyncPrimitives
import IngestCore
import IngestTestKit
import OpenSearch
import Testing

/// What goes wrong in other systems, each by name, on real OpenSearch.
@Suite(.enabled(if: LocalStack.shared != nil, Comment(rawValue: LocalStack.skipReason)))
struct RaceTests {
    @Test(arguments: LocalStack.nodes)
    func aLatePutAfterADelete(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "late") { pair in
            await pair.publish(PipelinePair.texts("first"))
            pair.put(PipelinePair.texts("second"))
            // The event of the second version is late: the object is gone when it is handled, and its chunks are later still.
            #expect(await pair.ingest() == .done)
            let late = pair.handedOff
            pair.store.remove(pair.object)
            #expect(await pair.ingest() == .done)
            #expect(await pair.embed(pair.handedOff) == .done)
            #expect(try await pair.indexed().isEmpty)
            for receives in [1, 2] { #expect(await pair.embed(late, receives: receives) == .done) }
            #expect(await pair.ingest() == .done)
            #expect(try await pair.indexed().isEmpty)
            let record = try await pair.record
            #expect(record?.live?.content == .absent)
            #expect(pair.chunks.messages.count == 3, "the late event hands nothing over")
        }
    }

    @Test(arguments: LocalStack.nodes)
    func twoWorkersOnOneKey(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "two") { pair in
            for round in 0..<5 {
                pair.put(PipelinePair.texts("round \(round)"))
                let handed = pair.chunks.messages.count
                async let one = pair.ingest()
                async let two = pair.ingest()
                #expect(await [one, two] == [.done, .done])
                let messages = pair.chunks.messages[handed...].map(\.message.body)
                #expect(!messages.isEmpty)
                // Every message twice at once, as two deliveries.
                await withTaskGroup(of: Outcome.self) { group in
                    for message in messages {
                        group.addTask { await pair.embed(message) }
                        group.addTask { await pair.embed(message, receives: 2) }
                    }
                    for await outcome in group { #expect(outcome == .done) }
                }
                let found = try await pair.indexed()
                #expect(found == PipelinePair.texts("round \(round)").sorted())
            }
        }
    }

    /// An object store in which the object is overwritten just after it was read.
    private struct OverwrittenStore: ObjectStore {
        let store: InMemoryObjectStore
        let then: @Sendable () async -> Void

        func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
            let outcome = try await store.read(object, unless: known)
            await then()
            return outcome
        }
        func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]? {
            try await store.readBytes(object, maximum: maximum)
        }
        func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws { try await store.write(object, bytes) }
        func delete(_ object: ObjectReference) async throws { try await store.delete(object) }
    }

    @Test(arguments: LocalStack.nodes)
    func aReplayRacingALiveChange(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "replay") { pair in
            pair.put(PipelinePair.texts("old"))
            // The replay has read the old version when the change comes, which is handled whole before the replay goes on.
            let isChanged = LockedValue(false)
            let store = OverwrittenStore(store: pair.store) {
                let isFirst = isChanged.withLock { changed in
                    defer { changed = true }
                    return !changed
                }
                guard isFirst else { return }
                await pair.publish(PipelinePair.texts("new"))
            }
            #expect(await pair.ingest(through: store) == .done)
            for message in pair.chunks.messages { #expect(await pair.embed(message.message.body) == .done) }
            #expect(try await pair.indexed() == PipelinePair.texts("new").sorted())
            let record = try #require(try await pair.record)
            #expect(record.live?.generation == 1 && record.pending == nil, "the old version got no generation")
        }
    }

    /// Embeds when the test says so.
    private struct SlowEmbedder: Embedder {
        let embedder = HashEmbedder()
        let begun = Latch()
        let mayEnd = Latch()

        func embed(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>] {
            begun.open()
            try? await mayEnd.wait()
            return await embedder.embed(inputs)
        }
    }

    @Test(arguments: LocalStack.nodes)
    func anOverwriteDuringALongEmbed(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "overwrite") { pair in
            pair.put(PipelinePair.texts("slow"))
            #expect(await pair.ingest() == .done)
            let slow = SlowEmbedder()
            let message = pair.handedOff
            async let first = pair.embed(message, with: slow)
            try await slow.begun.wait()
            await pair.publish(PipelinePair.texts("fast", 2))
            #expect(try await pair.indexed() == PipelinePair.texts("fast", 2).sorted())
            slow.mayEnd.open()
            #expect(await first == .done)
            #expect(try await pair.indexed() == PipelinePair.texts("fast", 2).sorted(), "what came late is gone")
            let record = try await pair.record
            #expect(record?.live?.generation == 2)
        }
    }

    @Test(arguments: LocalStack.nodes)
    func aLostPayloadObject(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "lost") { pair in
            await pair.publish(PipelinePair.texts("old"))
            pair.put(PipelinePair.texts("new"))
            #expect(await pair.ingest(inlineBytes: 100) == .done)
            pair.store.remove(try #require(pair.store.keys.first { $0.bucket == "hand" }))
            #expect(await pair.embed(pair.handedOff) == .done)
            #expect(try await pair.indexed() == PipelinePair.texts("old").sorted(), "the old version stays")
            #expect(pair.events.messages.count == 1, "and the object is to be read again")
            #expect(await pair.ingest() == .done)
            #expect(await pair.embed(pair.handedOff) == .done)
            #expect(try await pair.indexed() == PipelinePair.texts("new").sorted())
        }
    }

    /// A worker that outlives its lease writes after another has finished the message, and ends before it can remove what it wrote.
    @Test(arguments: LocalStack.nodes)
    func aLateWriteOfAWorkerThatDies(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "zombie") { pair in
            await pair.publish(PipelinePair.texts("first"))
            let late = try ChunkMessage(decoding: pair.handedOff)
            #expect(await pair.embed(pair.handedOff, receives: 2) == .done)
            let sweeps = try #require(pair.sweeps.messages.last?.message)
            #expect(sweeps.delay == .seconds(900))
            await pair.publish(PipelinePair.texts("second", 2))
            let chunk = IndexedChunk(
                documentID: DocumentID(late.header.documentID),
                generation: late.header.generation,
                chunk: try await ChunkHandoff(store: pair.store, bucket: "hand", inlineBytes: 0).unpack(late).chunk(0),
                vector: [1, 0, 0, 0]
            )
            try await pair.index.create([chunk], late.header)
            #expect(try await pair.indexed().count == 3)
            #expect(await pair.embed(sweeps.body) == .done)
            #expect(try await pair.indexed() == PipelinePair.texts("second", 2).sorted())
            #expect(pair.sweeps.messages.count == 1, "looking after one does not ask for another")
        }
    }

    /// Readers that search all the time, while a document of 30 chunks is replaced again and again.
    @Test(arguments: LocalStack.nodes)
    func readersSeeWholeVersions(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "readers") { pair in
            let client = pair.services.openSearch
            _ = try await client.send(
                "PUT",
                "/\(pair.names.chunks)/_settings",
                body: Array(#"{"index":{"refresh_interval":"50ms"}}"#.utf8)
            )
            await pair.publish(PipelinePair.texts("v0", 30))
            _ = try await client.send("POST", "/\(pair.names.chunks)/_refresh")
            let cluster = try await client.cluster(searching: pair.names.pattern)
            let isOver = LockedValue(false)
            let seen = LockedValue((plain: 0, kept: 0, mixed: 0))
            let mixture = LockedValue(Set<String>())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !isOver.withLock({ $0 }) {
                        var counts: [Int: Int] = [:]
                        for hit in try await pair.plainSearch() { counts[hit.generation, default: 0] += 1 }
                        #expect(counts.values.contains(30), "a plain reader finds one whole version: \(counts)")
                        seen.withLock { $0.plain += 1 }
                        if counts.count > 1 { seen.withLock { $0.mixed += 1 } }
                    }
                }
                group.addTask {
                    let search = ChunkSearch(client: client, names: pair.names, ledger: pair.ledger, cluster: cluster)
                    let question = ChunkSearch.Question(text: "paragraph", vector: [0.5, 0.5, 0.5, 0.5], limit: 100)
                    while !isOver.withLock({ $0 }) {
                        let hits = try await search.hits(question, mode: .text)
                        let versions = Set(hits.map { $0.text.split(separator: " ")[4] })
                        #expect(versions.count <= 1, "a reader that keeps to the ledger sees one version: \(versions)")
                        mixture.withLock { $0.formUnion(versions.map(String.init)) }
                        seen.withLock { $0.kept += 1 }
                    }
                }
                group.addTask {
                    for version in 1...15 { await pair.publish(PipelinePair.texts("v\(version)", 30)) }
                    isOver.withLock { $0 = true }
                }
                try await group.waitForAll()
            }
            let (plain, kept, mixed) = seen.withLock { $0 }
            print("\(node.kind): \(plain) plain searches, \(mixed) of them with two versions; \(kept) by the ledger")
            #expect(plain > 10 && kept > 10 && mixture.withLock { $0.count } > 1)
        }
    }
}
