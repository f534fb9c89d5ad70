import AsyncPrimitives
import ExtractionWire
import HTTPTransport
import IngestCore
import IngestTestKit
import OpenSearch
import Resilience
import Testing

@Suite(.enabled(if: LocalStack.shared != nil, Comment(rawValue: LocalStack.skipReason)))
struct OpenSearchTests {
    /// Runs `body` with a ledger and an index that are served.
    private func withStores<Value: Sendable>(
        _ node: LocalStack.Node,
        _ alias: String,
        _ body: @Sendable (Services, IndexNames, OpenSearchLedger, OpenSearchIndex) async throws -> Value
    ) async throws -> Value {
        let services = LocalStack.shared!.services(node)
        let names = try await node.names(services, alias)
        let ledger = services.ledger(names)
        let index = OpenSearchIndex(name: names.writeAlias, client: services.openSearch, time: services.time)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            defer { group.cancelAll() }
            return try await body(services, names, ledger, index)
        }
    }

    private func chunks(_ document: DocumentID, _ generation: Int, _ texts: [String]) -> [IndexedChunk] {
        texts.enumerated().map { number, text in
            let chunk = Chunk(
                index: number,
                text: text,
                tokens: 1,
                characters: 0..<1,
                pages: [PagePart(number: 2, offset: 0)],
                headings: ["H"]
            )
            let vector = (0..<4).map { Float($0 == number % 4 ? 1 : 0) }
            return IndexedChunk(
                documentID: document,
                generation: generation,
                chunk: ChunkPayload(chunk),
                vector: vector
            )
        }
    }

    private func header(_ names: IndexNames, _ document: DocumentID, _ generation: Int, _ count: Int)
        -> ChunkMessage.Header
    {
        ChunkMessage.Header(
            tenant: "t",
            object: ObjectReference(bucket: "b", key: "k \"quoted\"\u{1}"),
            documentID: document.description,
            index: names.chunks,
            fingerprint: names.fingerprint.description,
            generation: generation,
            content: .etag("e"),
            chunkCount: count
        )
    }

    /// Only tombstones of old deletions are deleted, and not if another worker writes in between.
    @Test(arguments: LocalStack.nodes)
    func oldTombstonesAreForgotten(_ node: LocalStack.Node) async throws {
        try await withStores(node, "prune") { services, names, ledger, _ in
            let now = services.time.now
            func write(_ key: String, days: Int, _ change: (DocumentRecord) -> DocumentRecord = { $0 }) async throws
                -> String
            {
                let object = ObjectReference(bucket: "b", key: key)
                let deleted = now.advanced(by: .seconds(-86_400 * days))
                let record = DocumentRecord(tenant: "t", object: object, index: names.chunks, created: deleted)
                    .reserving(.absent, chunkCount: 0)
                    .committing(1, .absent, chunkCount: 0, reason: nil, at: deleted)!
                let id = DocumentID(tenant: "t", object: object).recordID(index: names.chunks)
                _ = try await ledger.write(id, change(record), over: .absent)
                return id
            }
            let old = try await write("old", days: 31)
            let kept = [
                try await write("young", days: 29),
                try await write("pending", days: 31) { $0.reserving(.etag("e"), chunkCount: 1) },
                try await write("rejected", days: 31) { $0.refusing(.etag("e"), Rejection(.malformed, "")) },
                try await write("live", days: 31) {
                    $0.committing(
                        3,
                        .etag("e"),
                        chunkCount: 1,
                        reason: nil,
                        at: now.advanced(by: .seconds(-86_400 * 31))
                    )!
                },
            ]
            let pruning = TombstonePruning(
                client: services.openSearch,
                ledger: ledger,
                names: names,
                time: services.time,
                days: 30
            )
            #expect(try await pruning.run() == (removed: 1, unreadable: []))
            #expect(try await ledger.read(old).record == nil)
            for id in kept { #expect(try await ledger.read(id).record != nil) }
            #expect(try await pruning.run() == (removed: 0, unreadable: []))

            // The other order: the first writer wins.
            let raced = try await write("raced", days: 31)
            let seen = try await ledger.read(raced)
            _ = try await ledger.write(raced, seen.record!.touched(), over: seen.version)
            #expect(try await ledger.remove(raced, at: seen.version) == false)
            #expect(try await ledger.read(raced).record?.touches == 1)
        }
    }

    @Test(arguments: LocalStack.nodes)
    func setupMayBeRepeatedAndMismatchesAreNamed(_ node: LocalStack.Node) async throws {
        try await withStores(node, "setup") { services, names, _, _ in
            let setup = IndexSetup(client: services.openSearch, names: names)
            let mapping = IndexMapping(dimensions: 4, engine: .lucene, replicas: 0)
            _ = try await setup.run(mapping)
            try await setup.verify(dimensions: 4)
            await #expect { try await setup.verify(dimensions: 5) } throws: {
                Failure($0).kind == "fleet" && Failure($0).summary.contains("EMBEDDING_DIMENSIONS")
            }
            let cluster = try await services.openSearch.cluster(searching: names.pattern)
            #expect(cluster.hasVectorSearch == !node.isEmbedded && cluster.hasSearchPipelines == !node.isEmbedded)
            let other = IndexNames(alias: "none-\(names.alias)", fingerprint: names.fingerprint)
            await #expect {
                try await IndexSetup(client: services.openSearch, names: other).verify(dimensions: 4)
            } throws: { Failure($0).summary.contains("ingestctl setup") }
        }
    }

    /// The default engine, as a mapping only: its native libraries are not in these nodes, and a document would end them.
    @Test(arguments: LocalStack.nodes)
    func theDefaultEnginesMappingIsAccepted(_ node: LocalStack.Node) async throws {
        let services = LocalStack.shared!.services(node)
        let other = try await node.names(services, "engine")
        let names = IndexNames(alias: "faiss-\(other.alias)", fingerprint: other.fingerprint)
        let setup = IndexSetup(client: services.openSearch, names: names)
        _ = try await setup.run(IndexMapping(dimensions: 1536, engine: .faiss, replicas: 0))
        try await setup.verify(dimensions: 1536)
    }

    @Test(arguments: LocalStack.nodes)
    func theLedgerWritesByCompareAndSet(_ node: LocalStack.Node) async throws {
        try await withStores(node, "ledger") { _, names, ledger, _ in
            let object = ObjectReference(bucket: "b", key: "k")
            let record = DocumentRecord(
                tenant: "t",
                object: object,
                index: names.chunks,
                created: Timestamp(milliseconds: 1)
            )
            #expect(try await ledger.read("a") == VersionedRecord(record: nil, version: .absent))
            let outcomes = try await withThrowingTaskGroup(of: WriteOutcome.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await ledger.write(
                            "a",
                            record.reserving(.etag("\(number)"), chunkCount: number),
                            over: .absent
                        )
                    }
                }
                return try await group.reduce(into: [WriteOutcome]()) { $0.append($1) }
            }
            #expect(outcomes.count { $0 != .conflict } == 1)
            let read = try await ledger.read("a")
            var full = try #require(read.record).handingOff(1)!.committing(
                1,
                .etag("x"),
                chunkCount: 3,
                reason: nil,
                at: Timestamp(milliseconds: 5)
            )!
            full = full.reserving(.absent, chunkCount: 0).refusing(.unknown, Rejection(.malformed, "detail")).touched()
            guard case .written(let version) = try await ledger.write("a", full, over: read.version) else {
                return _ = Issue.record("a conflict")
            }
            #expect(try await ledger.read("a") == VersionedRecord(record: full, version: version))
            #expect(try await ledger.write("a", full, over: read.version) == .conflict)
        }
    }

    @Test(arguments: LocalStack.nodes)
    func chunksAreCreatedOnceReadBackAndDeleted(_ node: LocalStack.Node) async throws {
        try await withStores(node, "chunks") { services, names, _, index in
            let document = DocumentID(tenant: "t", object: ObjectReference(bucket: "b", key: "k"))
            let texts = (0..<450).map { "text \($0) with \"quotes\", \\ and \u{2028}" }
            let all = chunks(document, 1, texts)
            try await index.create(Array(all.prefix(300)), header(names, document, 1, 450))
            try await index.create(all, header(names, document, 1, 450))
            let hashes = try await index.hashes(document, generation: 1, count: 500)
            #expect(hashes.count == 450 && hashes[7] == all[7].chunk.contentHash)
            let vectors = try await index.vectors(document, generation: 1, chunks: Array(0..<450))
            #expect(vectors.count == 450 && vectors[2] == [0, 0, 1, 0])
            if !node.isEmbedded {
                _ = try await services.openSearch.send("POST", "/\(names.chunks)/_refresh")
                let wanted = all.map(\.chunk.contentHash) + ["of no chunk"]
                let byHash = try await index.vectors(ofHashes: wanted, tenant: "t")
                #expect(byHash.count == 450 && byHash[all[2].chunk.contentHash] == [0, 0, 1, 0])
                #expect(try await index.vectors(ofHashes: wanted, tenant: "u").isEmpty)
            }
            try await index.delete(document, generation: 1, count: 460)
            #expect(try await index.hashes(document, generation: 1, count: 450).isEmpty)
            let missing = OpenSearchIndex(name: "no-such-alias", client: services.openSearch, time: services.time)
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await missing.run() }
                await #expect {
                    try await missing.create(Array(all.prefix(1)), header(names, document, 1, 1))
                } throws: { Failure($0).kind == "fleet" }
                group.cancelAll()
            }
            let exists = try await services.openSearch.send("HEAD", "/no-such-alias", accepting: [404])
            #expect(exists.status == 404, "a missing index is not made up")
        }
    }

    @Test(arguments: LocalStack.nodes)
    func wrongVectorsAndUnknownFieldsAreFleetFaults(_ node: LocalStack.Node) async throws {
        try await withStores(node, "faults") { services, names, _, index in
            let document = DocumentID(tenant: "t", object: ObjectReference(bucket: "b", key: "k"))
            var wrong = chunks(document, 1, ["a"])
            wrong[0].vector = [1, 2, 3]
            await #expect { try await index.create(wrong, header(names, document, 1, 1)) } throws: {
                Failure($0).kind == "fleet"
            }
            let strange = BulkOperation(
                .create(source: Array("{\"surprise\":1}".utf8)),
                index: names.writeAlias,
                id: "x"
            )
            guard case .failure(let error) = await services.openSearch.bulk([strange], of: .index)[0] else {
                return _ = Issue.record("accepted")
            }
            #expect(Failure(error).kind == "fleet")
        }
    }

    /// The index's writes fail after a number of chunks, as if the worker had died there.
    private final class DyingIndex: ChunkIndex {
        let index: any ChunkIndex
        let left: LockedValue<Int>

        init(_ index: any ChunkIndex, after count: Int) {
            self.index = index
            left = LockedValue(count)
        }

        func create(_ chunks: [IndexedChunk], _ header: ChunkMessage.Header) async throws {
            let count = left.withLock { left in
                defer { left -= min(left, chunks.count) }
                return min(left, chunks.count)
            }
            try await index.create(Array(chunks.prefix(count)), header)
            if count < chunks.count { throw Failure.transient("died") }
        }

        func delete(_ document: DocumentID, generation: Int, count: Int) async throws {
            try await index.delete(document, generation: generation, count: count)
        }
        func hashes(_ document: DocumentID, generation: Int, count: Int) async throws -> [Int: String] {
            try await index.hashes(document, generation: generation, count: count)
        }
        func vectors(ofHashes hashes: [String], tenant: String) async throws -> [String: [Float]] {
            try await index.vectors(ofHashes: hashes, tenant: tenant)
        }
        func vectors(_ document: DocumentID, generation: Int, chunks: [Int]) async throws -> [Int: [Float]] {
            try await index.vectors(document, generation: generation, chunks: chunks)
        }
    }

    /// What every mode of the search finds, in its one order.
    private func found(_ pair: PipelinePair) async throws -> [String] {
        let client = pair.services.openSearch
        _ = try await client.send("POST", "/\(pair.names.chunks)/_refresh")
        let cluster = try await client.cluster(searching: pair.names.pattern)
        let search = ChunkSearch(client: client, names: pair.names, ledger: pair.ledger, cluster: cluster)
        let question = ChunkSearch.Question(text: "paragraph", vector: [0.5, 0.5, 0.5, 0.5], limit: 100)
        var byMode: [[String]] = []
        for mode in ChunkSearch.Mode.allCases {
            byMode.append(try await search.hits(question, mode: mode).map(\.text).sorted())
        }
        #expect(byMode.allSatisfy { $0 == byMode[0] }, "every mode sees the same version")
        return byMode[0]
    }

    @Test(arguments: LocalStack.nodes)
    func aReplacementThatDiesAfterThreeOfTenChunks(_ node: LocalStack.Node) async throws {
        try await PipelinePair.run(node, "replace") { pair async throws in
            let old = PipelinePair.texts("old", 10)
            let new = PipelinePair.texts("new", 10)
            pair.put(old)
            #expect(await pair.ingest() == .done)
            #expect(await pair.embed(pair.handedOff) == .done)
            #expect(try await found(pair) == old)
            pair.put(new)
            #expect(await pair.ingest() == .done)
            guard case .retry = await pair.embed(pair.handedOff, into: DyingIndex(pair.index, after: 3)) else {
                return _ = Issue.record("did not die")
            }
            #expect(try await found(pair) == old, "the whole old version, and nothing of the new")
            #expect(await pair.embed(pair.handedOff, receives: 2) == .done)
            #expect(try await found(pair) == new)
        }
    }
}
