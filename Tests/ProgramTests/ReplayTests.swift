import AsyncPrimitives
import CommandLineOptions
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

/// What a replay sends, skips, counts and pays for, over stores in memory that both pipelines have worked on.
@Suite struct ReplayTests {
    private let stores = MemoryStores()
    private let index = InMemoryIndex()
    private let embedder = HashEmbedder()
    private let events: InMemoryQueue
    private let chunks: InMemoryQueue
    private let checkpoints = InMemoryCheckpoints()

    init() {
        events = InMemoryQueue(time: stores.time)
        chunks = InMemoryQueue(time: stores.time)
    }

    private func object(_ key: String) -> ObjectReference { ObjectReference(bucket: "docs", key: key) }

    private func put(_ key: String, _ text: String) { stores.store.put(object(key), text) }

    /// Carries one event all the way.
    private func process(_ body: String) async throws {
        let before = chunks.messages.count
        let ingest = stores.ingest(into: chunks, environment: .test(time: stores.time))
        _ = await ingest.handle(.test(body, at: stores.time.now))
        for message in chunks.messages.dropFirst(before) {
            let batcher = EmbeddingBatcher(embedder, linger: .zero, time: stores.time)
            let embed = stores.embed(
                batcher,
                into: index,
                queues: (events: events, sweeps: chunks),
                environment: .test(time: stores.time)
            )
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await batcher.run() }
                #expect(await embed.handle(.test(message.message.body, at: stores.time.now)) == .done)
                group.cancelAll()
            }
        }
    }

    private var documents: IngestSettings {
        IngestSettings(
            rules: DocumentRules(tenant: "default"),
            names: stores.names,
            handoffBucket: "hand",
            handoffPrefix: "hand-over/"
        )
    }

    private static func settings(_ values: [String: String]) -> (settings: ReplaySettings?, problems: [String]) {
        let common = ["OPENSEARCH_URL": "http://127.0.0.1:1", "OPENSEARCH_INDEX": "t", "AWS_REGION": "us-east-1"]
        var reader = SettingsReader(common.merging(values) { $1 })
        let read = CommonConfiguration(&reader)
        let settings = ReplaySettings(&reader, read)
        return (settings, reader.problems + reader.usageProblems)
    }

    /// Runs a replay with these flags, and `beside` as long.
    private func replay(_ values: [String: String] = [:], beside: @escaping @Sendable () async -> Void = {})
        async throws -> ReplayResult
    {
        let (settings, problems) = Self.settings(["REPLAY": "s3://docs/", "RATE": "10000"].merging(values) { $1 })
        #expect(problems.isEmpty)
        let forecast = ChangeForecast(
            ChangeForecast.Stages(
                ledger: stores.ledger,
                store: stores.store,
                extractor: ParagraphExtractor(),
                chunker: Chunker(tokens: 16, overlap: 0),
                index: index
            ),
            settings: documents,
            time: stores.time
        )
        let chosen = try #require(settings)
        let replay = Replay(
            stages: Replay.Stages(
                listing: stores.store,
                ledger: stores.ledger,
                queue: events,
                checkpoints: checkpoints,
                forecast: chosen.isDryRun || chosen.budget != nil ? forecast : nil
            ),
            settings: chosen,
            documents: documents,
            program: Program(name: "test", summary: "", declarations: []),
            log: LoopEnvironment.test(time: stores.time).log,
            time: stores.time
        )
        return try await stores.time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await beside() }
                defer { group.cancelAll() }
                return try await replay.run()
            }
        }
    }

    private var sent: [String] {
        events.messages.compactMap { stored in
            guard case .changes(let changes) = try? EventParser.parse(stored.message.body) else { return nil }
            return changes.first?.object.key
        }
    }

    @Test func onlyWhatTheLedgerDoesNotHaveIsSent() async throws {
        for number in 0..<5 {
            put("\(number).txt", PipelineTests.paragraphs(0..<2))
            try await process(ObjectChange.hint(for: object("\(number).txt")))
        }
        put("2.txt", PipelineTests.paragraphs(3..<5))
        put("new.txt", "New.")
        put("folder/", "")
        // Two keys that are canonically equivalent are two objects.
        put("e\u{301}.txt", "One.")
        put("\u{E9}.txt", "Two.")
        let bodies = stores.store.bodiesRead
        let result = try await replay()
        #expect(sent == ["2.txt", "e\u{301}.txt", "new.txt", "\u{E9}.txt"])
        #expect(result.objects == 8 && result.unchanged == 4 && result.events == 4)
        #expect(stores.store.bodiesRead == bodies, "nothing is downloaded")
        #expect(try await replay(["UNCHANGED": "true"]).events == 8)
    }

    @Test(arguments: [
        (["SUFFIX": ".PDF, .md"], ["a.pdf", "b.MD"]), (["SINCE": "2026-01-02T00:00:00Z"], ["b.MD", "c.txt"]),
        (["UNTIL": "2026-01-02T00:00:00Z"], ["a.pdf"]),
        (["SINCE": "2026-01-02T00:00:00Z", "UNTIL": "2026-01-03T00:00:00Z"], ["b.MD"]),
        (["START_AFTER": "a.pdf"], ["b.MD", "c.txt"]), (["REPLAY": "s3://docs/b"], ["b.MD"]),
    ])
    func objectsAreChosenFromTheListing(_ flags: [String: String], _ expected: [String]) async throws {
        for (day, key) in ["a.pdf", "b.MD", "c.txt"].enumerated() {
            put(key, "Text.")
            stores.store.date(object(key), try #require(Timestamp(iso8601: "2026-01-0\(day + 1)T00:00:00Z")))
        }
        _ = try await replay(flags)
        #expect(sent == expected)
    }

    /// The forecast is what is paid: unchanged and equal texts are not.
    @Test func aDryRunSaysWhatIsPaidFor() async throws {
        put("a.txt", PipelineTests.paragraphs(0..<6))
        try await process(ObjectChange.hint(for: object("a.txt")))
        put("a.txt", PipelineTests.paragraphs(1..<8) + "\n\n" + PipelineTests.paragraphs(7..<8))
        put("b.txt", PipelineTests.paragraphs(20..<23))
        put("bad.txt", "!")
        let result = try await replay(["DRY_RUN": "true", "EMBEDDING_PRICE": "1000000"])
        #expect(sent.isEmpty && checkpoints.writes == 0)
        #expect(result.events == 3 && result.rejected == 1 && result.cost.chunks == 11)
        let before = embedder.embedded.count
        for key in ["a.txt", "b.txt", "bad.txt"] { try await process(ObjectChange.hint(for: object(key))) }
        #expect(embedder.embedded.count - before == 5)
        let paid = embedder.embedded.dropFirst(before).reduce(0) { $0 + Tokenizer.cl100k.count($1) }
        #expect(result.cost.paidTokens == paid)
        let (settings, _) = Self.settings(["REPLAY": "s3://docs/", "DRY_RUN": "true", "EMBEDDING_PRICE": "1000000"])
        let text = result.text(try #require(settings), tokensPerMinute: paid - 1)
        #expect(
            text.contains("would send 3 events")
                && text.contains("\(paid) tokens to pay for, \(paid).0000 US dollars, 2 min")
        )
    }

    @Test(arguments: [0, 1, 20, 45, 46, 100, 1000]) func aBudgetIsNeverExceeded(_ budget: Int) async throws {
        var costs: [Int] = []
        for number in 0..<6 {
            put("\(number).txt", PipelineTests.paragraphs(number * 10..<number * 10 + 1 + number % 3))
            let forecast = try await replay(["REPLAY": "s3://docs/\(number).txt", "DRY_RUN": "true"])
            costs.append(forecast.cost.paidTokens)
        }
        let flags = ["MAX_TOKENS": "\(max(1, budget))"]
        var result = try await replay(flags)
        var spent = 0
        let affordable = costs.prefix { cost in
            spent += cost
            return spent <= max(1, budget)
        }.count
        #expect(sent.count == affordable && result.events == affordable)
        #expect((result.stoppedBefore == nil) == (affordable == 6))
        guard affordable < 6 else { return }
        #expect(result.stoppedBefore == "s3://docs/\(affordable).txt")
        // A larger budget counts what has been spent, and no object comes twice.
        result = try await replay(["MAX_TOKENS": "100000", "RESUME": "true"])
        #expect(result.stoppedBefore == nil && sent == (0..<6).map { "\($0).txt" })
    }

    @Test func aReplayGoesOnWhereItEnded() async throws {
        await #expect { _ = try await replay(["RESUME": "true"]) } throws: {
            "\(Failure($0).summary)".contains("without --resume")
        }
        for number in 0..<250 { put("\(number + 1000).txt", "Text \(number).") }
        events.failSends(after: 130)
        await #expect(throws: (any Error).self) { _ = try await replay() }
        events.failSends(after: .max)
        let begun = sent.count
        #expect(begun >= 130 && begun < 250)
        let result = try await replay(["RESUME": "true"])
        #expect(result.objects == 150, "the first hundred were done")
        #expect(Set(sent).count == 250)
        await #expect { _ = try await replay(["RESUME": "true"]) } throws: {
            "\(Failure($0).summary)".contains("was finished")
        }
        await #expect(throws: (any Error).self) { _ = try await replay(["RESUME": "true", "SUFFIX": ".txt"]) }
    }

    @Test func uploadsDoNotWaitBehindAReplay() async throws {
        for number in 0..<300 { put("\(number + 1000).txt", "Text.") }
        let highest = LockedValue(0)
        // A worker that takes all there is every half minute.
        let result = try await replay(["QUEUE_DEPTH": "50"]) { [events, stores] in
            while !Task.isCancelled {
                let found = (try? await events.receive(maximum: 1000, wait: .zero)) ?? []
                highest.withLock { $0 = max($0, found.count) }
                _ = try? await events.delete(found.map(\.receipt))
                try? await stores.time.sleep(for: .seconds(30))
            }
        }
        #expect(result.events == 300)
        #expect((50..<150).contains(highest.withLock { $0 }))
    }

    @Test(arguments: [
        (["DRY_RUN": "true"], "--dry-run goes with --replay"), (["SINCE": "1d"], "--since goes with --replay"),
        (["REPLAY": "docs"], "not a valid s3://"),
        (["REPLAY": "s3://docs/", "SINCE": "yesterday"], "--since is not a time"),
        (["REPLAY": "s3://docs/", "MAX_USD": "-1"], "--max-usd is not an amount"),
        (
            ["REPLAY": "s3://docs/", "MAX_USD": "1", "EMBEDDING_MODEL": "unknown", "EMBEDDING_DIMENSIONS": "4"],
            "--max-usd needs a price"
        ),
        (["REPLAY": "s3://docs/", "RESUME": "true", "START_AFTER": "a"], "one of them"),
        (["REPLAY": "s3://docs/", "RESUME": "true", "DRY_RUN": "true"], "leaves nothing to go on from"),
        (
            ["REPLAY": "s3://docs/", "ONLY_REJECTED": "true", "FORCE": "true"],
            "--only-rejected goes through the ledger"
        ),
    ])
    func flagsThatDoNotGoTogetherAreRefused(_ values: [String: String], _ problem: String) {
        #expect(Self.settings(values).problems.contains { $0.contains(problem) })
    }
}
