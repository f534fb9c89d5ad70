import AsyncPrimitives
import ExtractionWire
import IngestCore
import IngestTestKit
import OpenSearch
import TextCoding

/// Both pipelines over a real OpenSearch, with bucket and queues in memory, so that a test decides what happens when.
struct PipelinePair: Sendable {
    let services: Services
    let names: IndexNames
    let ledger: OpenSearchLedger
    let index: OpenSearchIndex
    let store = InMemoryObjectStore()
    let events: InMemoryQueue
    let chunks: InMemoryQueue
    /// Clean-ups that are due later.
    let sweeps: InMemoryQueue
    let object = ObjectReference(bucket: "docs", key: "a.txt")
    private let environment: LoopEnvironment

    /// Runs `body` with a new index on `node`.
    static func run(
        _ node: LocalStack.Node,
        _ alias: String,
        _ body: @escaping @Sendable (PipelinePair) async throws -> Void
    ) async throws {
        let services = LocalStack.shared!.services(node)
        let names = try await node.names(services, alias)
        let pair = PipelinePair(services, names)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pair.ledger.run() }
            group.addTask { await pair.index.run() }
            defer { group.cancelAll() }
            try await body(pair)
        }
    }

    private init(_ services: Services, _ names: IndexNames) {
        self.services = services
        self.names = names
        ledger = services.ledger(names)
        index = OpenSearchIndex(name: names.writeAlias, client: services.openSearch, time: services.time)
        events = InMemoryQueue(time: services.time)
        chunks = InMemoryQueue(time: services.time)
        sweeps = InMemoryQueue(time: services.time)
        environment = LoopEnvironment.test(time: services.time)
    }

    var record: DocumentRecord? {
        get async throws {
            let id = DocumentID(tenant: "t", object: object).recordID(index: names.chunks)
            return try await ledger.read(id).record
        }
    }

    func put(_ texts: [String]) { store.put(object, texts.joined(separator: "\n\n")) }

    static func texts(_ word: String, _ count: Int = 4) -> [String] {
        (0..<count).map { "Paragraph \($0) of the \(word) version, with words of the sea." }
    }

    /// An event of the object, handled by an ingest-worker of its own.
    func ingest(inlineBytes: Int = 100_000, through store: (any ObjectStore)? = nil) async -> Outcome {
        let pipeline = IngestPipeline(
            IngestPipeline.Stages(
                ledger: ledger,
                store: store ?? self.store,
                extractor: ParagraphExtractor(),
                chunker: Chunker(tokens: 16, overlap: 0),
                handoff: ChunkHandoff(store: self.store, bucket: "hand", inlineBytes: inlineBytes),
                chunkQueue: chunks
            ),
            settings: IngestSettings(
                rules: DocumentRules(tenant: "t"),
                names: names,
                handoffBucket: "hand",
                handoffPrefix: "hand-over/"
            ),
            environment: environment
        )
        return await pipeline.handle(.test(ObjectChange.hint(for: object), at: services.time.now))
    }

    /// A chunk message, handled by an embed-worker of its own.
    func embed(
        _ message: String,
        receives: Int = 1,
        with embedder: any Embedder = HashEmbedder(),
        into index: (any ChunkIndex)? = nil
    ) async -> Outcome {
        let batcher = EmbeddingBatcher(embedder, linger: .zero, time: services.time)
        let pipeline = EmbedPipeline(
            EmbedPipeline.Stages(
                ledger: ledger,
                index: index ?? self.index,
                embeddings: batcher,
                handoff: ChunkHandoff(store: store, bucket: "hand", inlineBytes: 0),
                eventQueue: events,
                chunkQueue: sweeps
            ),
            settings: EmbedSettings(indexName: names.chunks, dimensions: 4, retryBudget: .zero),
            environment: environment
        )
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { await batcher.run() }
            defer { group.cancelAll() }
            return await pipeline.handle(.test(message, receives: receives, at: services.time.now))
        }
    }

    /// The last message that was handed off.
    var handedOff: String { chunks.messages.last?.message.body ?? "" }

    func publish(_ texts: [String]) async {
        put(texts)
        _ = await ingest()
        _ = await embed(handedOff)
    }

    /// All texts in the index, whatever their generation, by a plain search.
    func indexed() async throws -> [String] {
        _ = try await services.openSearch.send("POST", "/\(names.chunks)/_refresh")
        return try await plainSearch().map(\.text).sorted()
    }

    /// What a plain reader of the alias finds now.
    func plainSearch() async throws -> [(generation: Int, text: String)] {
        struct Answer: Decodable {
            struct Hits: Decodable { var hits: [Hit] }
            struct Hit: Decodable { var _source: Source }
            struct Source: Decodable {
                var generation: Int
                var text: String
            }
            var hits: Hits
        }
        let body = JSONWriter.object { json in
            json.field("size", 1000)
            json.object("query") { $0.object("match_all") { _ in } }
        }
        let response = try await services.openSearch.send("POST", "/\(names.alias)/_search", body: body)
        return try services.openSearch.decode(Answer.self, response).hits.hits.map {
            ($0._source.generation, $0._source.text)
        }
    }
}
