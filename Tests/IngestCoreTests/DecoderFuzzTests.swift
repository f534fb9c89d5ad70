import AsyncPrimitives
import ExtractionWire
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// Mutated inputs, with the extremes of every number, to what reads messages, headers, replies and answers: none may end the process.
@Suite struct DecoderFuzzTests {
    private static let chunks = Array(
        #"[{"i":0,"text":"a b","tokens":2,"from":0,"to":3,"pages":[1,0,2,2],"headings":["h"],"hash":"0"},{"i":1,"text":"c","tokens":1,"from":3,"to":4,"hash":"1"}]"#
            .utf8
    )

    @Test func chunkMessages() throws {
        let plain = Array(ChunkMessageTests.versionOne.utf8)
        let inline = Array(
            ChunkMessageTests.versionOne.replacing(
                #""handOver":{"bucket":"h","key":"hand-over/0123/7.zst"}"#,
                with: #""chunks":"QUJD""#
            ).utf8
        )
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 3, corpus: [plain, inline])
        for _ in 0..<Fuzzing.inputs {
            do throws(ChunkMessage.Unreadable) {
                let message = try ChunkMessage(decoding: String(decoding: mutator.next(), as: UTF8.self))
                #expect((0...1_000_000).contains(message.header.chunkCount) && message.header.generation >= 0)
                read += 1
            } catch {
                refused += 1
            }
        }
        try Fuzzing.report("chunk messages", read, refused)
    }

    @Test func chunkSets() throws {
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 4, corpus: [Self.chunks])
        for _ in 0..<Fuzzing.inputs {
            guard let set = try? ChunkSet(decoding: mutator.next()) else {
                refused += 1
                continue
            }
            for index in 0..<set.count {
                guard let chunk = try? set.chunk(index) else {
                    refused += 1
                    continue
                }
                // Sums and ranges of these are made without checks.
                #expect(chunk.tokens < 1 << 17 && chunk.characterStart <= chunk.characterEnd)
                read += 1
            }
        }
        try Fuzzing.report("chunk sets", read, refused)
    }

    @Test func headers() throws {
        let corpus = ["1.5", "1500", "120", "6m0s", "20ms", "1h2m3s", "Sun, 06 Nov 1994 08:50:07 GMT"].map {
            Array($0.utf8)
        }
        let names = [
            "retry-after", "retry-after-ms", "x-amz-retry-after", "date", "x-ratelimit-reset-tokens",
            "x-ratelimit-remaining-tokens",
        ]
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 5, corpus: corpus)
        for _ in 0..<Fuzzing.inputs {
            let headers = HTTPHeaders(names.map { ($0, String(decoding: mutator.next(), as: UTF8.self)) })
            if let wait = headers.retryAfter {
                #expect(wait >= .zero && wait <= .seconds(120))
                read += 1
            } else {
                refused += 1
            }
            let failure = EmbeddingError(HTTPResponse(status: 429, headers: headers)).failure
            #expect(failure.retryAfter.map { $0 <= .seconds(120) } ?? true)
        }
        try Fuzzing.report("headers", read, refused)
    }

    @Test func replies() throws {
        var document = ExtractedDocument(format: .pdf, title: "t", text: Array("A heading\n\nText é日".utf8), blocks: [])
        document.blocks = [
            Block(kind: .heading, level: 1, start: 0, end: 9), Block(kind: .paragraph, start: 11, end: 18),
        ]
        document.pages = [PageSpan(number: 1, start: 0, end: 18)]
        document.lines = [LineBox(page: 1, start: 0, end: 9, left: 1, top: 2, right: 3, bottom: 4)]
        document.notes.links = ["https://e.example"]
        document.notes.outline = [OutlineEntry(level: 1, title: "A heading")]
        let corpus: [ExtractionReply] = [
            .document(document), .rejection(Rejection(.malformed, "why")), .probed(possible: 0, landlock: 3),
        ]
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 6, corpus: corpus.map(\.encoded))
        let chunker = Chunker(tokens: 16, overlap: 4)
        for _ in 0..<Fuzzing.inputs {
            do {
                // What is taken has to be safe to work on.
                if case .document(let found) = try ExtractionReply(decoding: mutator.next()) {
                    _ = try chunker.chunks(of: found)
                }
                read += 1
            } catch {
                refused += 1
            }
        }
        try Fuzzing.report("replies", read, refused)
    }

    @Test func embeddings() async throws {
        let corpus = [
            #"{"object":"list","data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0.5,-1e-3]}],"usage":{"total_tokens":2}}"#,
            #"{"data":[{"index":1,"embedding":"AACAPwAAAAA="},{"index":0,"embedding":"AACAPwAAAAA="}]}"#,
            #"{"error":{"message":"Limit 4000, Requested 20000","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ].map { Array($0.utf8) }
        let answer = LockedValue(HTTPResponse(status: 200))
        let time = VirtualTime()
        let inputs = ["one", "two"].map { EmbeddingInput(text: $0, tokens: 1) }
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 7, corpus: corpus)
        // Each is a request with its retries.
        for _ in 0..<max(100, Fuzzing.inputs / 10) {
            let response = HTTPResponse(status: mutator.status(), body: mutator.next())
            answer.withLock { $0 = response }
            // Each its own: an embedder learns from answers what requests its server takes.
            let embedder = OpenAIEmbedder(
                .init(endpoint: try #require(Endpoint("http://h/v1")), apiKey: "key", model: "m", dimensions: 2),
                http: ScriptedAnswer(answer),
                retrying: Retrying(policy: RetryPolicy(maximumAttempts: 1), time: time),
                limiter: RateLimiter(maximumInFlight: 1, time: time),
                log: LoopEnvironment.test(time: time).log,
                profile: EmbeddingProfile()
            )
            let results = await time.flowing { await embedder.embed(inputs) }
            if results.isEmpty { refused += 1 }
            for result in results {
                guard case .success(let vector) = result else {
                    refused += 1
                    continue
                }
                #expect(vector.vector.count == 2 && vector.vector.allSatisfy(\.isFinite))
                read += 1
            }
        }
        try Fuzzing.report("embeddings", read, refused)
    }

    @Test func times() throws {
        let corpus = ["Sun, 06 Nov 1994 08:50:07 GMT", "2015-08-30T12:36:00.123Z"].map { Array($0.utf8) }
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 8, corpus: corpus)
        for _ in 0..<Fuzzing.inputs {
            let text = String(decoding: mutator.next(), as: UTF8.self)
            guard let time = Timestamp(httpDate: text) ?? Timestamp(iso8601: text) else {
                refused += 1
                continue
            }
            #expect(now.advanced(by: time.duration(since: now)) == time)
            read += 1
        }
        try Fuzzing.report("times", read, refused)
    }

    @Test func receivedMessages() async throws {
        let corpus = [
            #"{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b","Attributes":{"SentTimestamp":"1700000000000","ApproximateReceiveCount":"2","MessageGroupId":"g"},"MessageAttributes":{"receives":{"DataType":"Number","StringValue":"3"},"firstSent":{"DataType":"Number","StringValue":"1700000000000"}}}]}"#,
            #"{"Messages":[{"MessageId":"m","ReceiptHandle":"r"},{"MessageId":"n","ReceiptHandle":"s","Body":""}]}"#,
            #"{}"#, #"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#,
        ].map { Array($0.utf8) }
        let answer = LockedValue(HTTPResponse(status: 200))
        let time = VirtualTime()
        let queue = testQueue(ScriptedAnswer(answer), time: time)
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 9, corpus: corpus)
        for _ in 0..<Fuzzing.inputs {
            let response = HTTPResponse(status: mutator.status(), body: mutator.next())
            answer.withLock { $0 = response }
            do {
                for delivery in try await queue.receive(maximum: 10, wait: .seconds(1)) {
                    // As the loop and its endings use them.
                    #expect((1...2_000_000).contains(delivery.receiveCount))
                    _ = time.now.duration(since: delivery.sent)
                    _ = time.now.duration(since: MessageCopy.firstSent(delivery))
                }
                read += 1
            } catch {
                refused += 1
            }
        }
        try Fuzzing.report("received messages", read, refused)
    }

    @Test func ledgerRecords() throws {
        let corpus = [
            #"{"tenant":"t","bucket":"b","key":"k","index":"i","newest":3,"live":{"generation":2,"content":{"etag":"\"e\""},"chunkCount":3,"committed":1700000000000,"quality":98},"pending":{"generation":3,"content":{"etag":"f"},"chunkCount":5,"handedOver":true},"retired":[{"generation":1,"chunkCount":2}],"rejected":[],"touches":0,"created":1700000000000}"#,
            #"{"tenant":"t","bucket":"b","key":"k","index":"i","newest":1,"retired":[],"rejected":[{"generation":1,"content":{"unknown":true},"reason":"malformed","detail":"d","at":1700000000000}],"touches":4,"created":0}"#,
        ].map { Array($0.utf8) }
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        var (read, refused) = (0, 0)
        var mutator = Mutator(seed: Fuzzing.seed &+ 10, corpus: corpus)
        for _ in 0..<Fuzzing.inputs {
            let stored = try? JSONDecoder().decode(StoredRecord.self, from: Data(mutator.next()))
            guard let record = stored?.record else {
                refused += 1
                continue
            }
            var status = FleetStatus()
            status.count(record)
            _ = record.isStale(at: now, bound: .seconds(60))
            _ = record.reserving(.unknown, chunkCount: 1).handingOff(record.newest + 1)
            _ = record.touched()
            for generation in [record.newest, record.pending?.generation ?? 0] {
                _ = record.decision(for: generation, isFirstDelivery: true, isStale: true)
                _ = record.abandoning(generation)
                _ = record.committing(generation, .unknown, chunkCount: 1, reason: nil, at: now)
                _ = record.rejecting(generation, .unknown, Rejection(.malformed, "d"), at: now)
            }
            read += 1
        }
        try Fuzzing.report("ledger records", read, refused)
    }
}
