import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import OpenSearch
import Resilience
import Testing

/// Twenty minutes in which nothing can succeed, on a virtual clock, with the real loop, pipeline and clients: work waits, nothing is lost, and
/// it goes on by itself.
@Suite struct OutageTests {
    enum Fault: CaseIterable, Sendable {
        case wrongKey, noQuota, missingIndex, readOnlyIndex, forbidden
        /// A load balancer's page, and a server that drops packets.
        case page, unreachable

        /// What the server says while it lasts; nil where this fault is another server's.
        func answer(_ request: HTTPRequest) throws -> HTTPResponse? {
            let isEmbedding = request.path.hasSuffix("/embeddings")
            let (status, body): (Int, String)
            switch self {
            case .wrongKey:
                (status, body) = (401, #"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#)
            case .noQuota:
                (status, body) = (429, #"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#)
            case .missingIndex:
                (status, body) = (
                    404, #"{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}"#
                )
            case .readOnlyIndex:
                (status, body) = (
                    429, #"{"error":{"type":"cluster_block_exception","reason":"flood-stage watermark"}}"#
                )
            case .forbidden: (status, body) = (403, #"{"message":"User is not authorized"}"#)
            case .page: (status, body) = (503, "<html>503 Service Temporarily Unavailable</html>")
            case .unreachable:
                if isEmbedding { return nil }
                throw HTTPError(.unreachable, "no connection")
            }
            let isProvider = self == .wrongKey || self == .noQuota
            return isEmbedding == isProvider ? HTTPResponse(status: status, body: Array(body.utf8)) : nil
        }
    }

    /// Healthy servers: a vector for each text, every item of a bulk created.
    private static func healthy(_ request: HTTPRequest) throws -> HTTPResponse {
        if request.path.hasSuffix("/embeddings") {
            struct Asked: Decodable { var input: [String] }
            let count = try JSONDecoder().decode(Asked.self, from: Data(request.body)).input.count
            let data = (0..<count).map { #"{"index":\#($0),"embedding":[1,0,0,0]}"# }.joined(separator: ",")
            return HTTPResponse(status: 200, body: Array(#"{"data":[\#(data)]}"#.utf8))
        }
        if request.path.hasSuffix("_mget") {
            return HTTPResponse(status: 200, body: Array(#"{"docs":[{"_id":"x","found":false}]}"#.utf8))
        }
        let lines = String(decoding: request.body, as: UTF8.self).split(separator: "\n")
        let items = lines.compactMap { line in
            if line.hasPrefix(#"{"create""#) { return #"{"create":{"status":201}}"# }
            // No record has a probe's version.
            return line.hasPrefix(#"{"index""#) ? #"{"index":{"status":409}}"# : nil
        }
        return HTTPResponse(
            status: 200,
            body: Array(#"{"errors":false,"items":[\#(items.joined(separator: ","))]}"#.utf8)
        )
    }

    @Test(arguments: Fault.allCases)
    func twentyMinutes(_ fault: Fault) async throws {
        let stores = MemoryStores()
        let (time, store) = (stores.time, stores.store)
        let (chunks, deadLetters) = (InMemoryQueue(time: time), InMemoryQueue(time: time))
        let log = CollectingLog()
        let isBroken = LockedValue(true)
        let http = ScriptedHTTPClient { request, _ in
            if isBroken.withLock({ $0 }), let answer = try fault.answer(request) { return answer }
            return try Self.healthy(request)
        }
        let endpoint = try #require(Endpoint("http://127.0.0.1:1/v1"))
        let retrying = Retrying(policy: OpenAIEmbedder.policy, time: time)
        let embedder = OpenAIEmbedder(
            OpenAIEmbedder.Settings(endpoint: endpoint, apiKey: "k", model: "m", dimensions: 4),
            http: http,
            retrying: retrying,
            limiter: RateLimiter(maximumInFlight: 4, time: time),
            log: Log(label: "test", level: .debug, sink: log, time: time)
        )
        let batcher = EmbeddingBatcher(embedder, time: time)
        let client = OpenSearchClient(endpoint: endpoint, http: http, retrying: retrying)
        let index = OpenSearchIndex(name: stores.names.writeAlias, client: client, time: time)
        let environment = LoopEnvironment.test(time: time, sink: log) { dependency, _ in
            switch dependency {
            case .provider: try await embedder.probe()
            case .index: try await index.probe(dimensions: 4)
            default: break
            }
        }
        let queues = (events: InMemoryQueue(time: time), sweeps: InMemoryQueue(time: time))
        let pipeline = stores.embed(batcher, into: index, queues: queues, environment: environment)
        let shutdown = Shutdown()
        let loop = WorkLoop(
            queue: chunks,
            deadLetters: deadLetters,
            settings: .init(concurrency: 4, pollWait: .seconds(20), visibilityTimeout: .seconds(30)),
            shutdown: shutdown,
            environment: environment,
            handler: WorkLoop.Handler(work: { await pipeline.handle($0) })
        )
        let ingest = stores.ingest(into: chunks, environment: environment)
        let arrive: @Sendable (Int) async -> Void = { number in
            let object = ObjectReference(bucket: "docs", key: "\(number).txt")
            store.put(object, PipelineTests.paragraphs(0..<3, "document \(number)"))
            _ = await ingest.handle(.test(ObjectChange.hint(for: object), at: time.now))
        }
        for number in 0..<10 { await arrive(number) }
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await batcher.run() }
                group.addTask { await index.run() }
                group.addTask { await loop.run() }
                for minute in 0..<20 {
                    try await time.sleep(for: .seconds(60))
                    await arrive(10 + minute)
                }
                #expect(chunks.messages.count == 30 && deadLetters.messages.isEmpty)
                let counts = chunks.messages.map(\.receiveCount)
                #expect(counts.max() ?? 0 <= 2, "receive counts: \(counts)")
                #expect(environment.health.notReadyReason != nil, "readiness says why")
                isBroken.withLock { $0 = false }
                try await time.sleep(for: .seconds(180))
                shutdown.enter(.stopping)
                try await time.sleep(for: .seconds(60))
                group.cancelAll()
            }
        }
        #expect(chunks.messages.isEmpty && deadLetters.messages.isEmpty)
        #expect(stores.ledger.all.count { $0.live != nil } == 30)
        #expect(environment.health.notReadyReason == nil)
        // A worker that cannot work is quiet: at most a request a second in the worst minute.
        #expect(http.requests.count < 1200 + 30 * 4, "\(http.requests.count) requests")
        #expect(log.lines.count { $0.level >= .error } <= 3, "said once, not in a loop")
    }
}
