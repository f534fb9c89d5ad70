import AsyncPrimitives
import IngestCore
import Observability

extension IngestWorker {
    /// Runs the replay to its end, or until a signal.
    func replay(_ settings: ReplaySettings) async throws {
        let names = configuration.common.names
        let ledger = services.ledger(names)
        let index = OpenSearchIndex(name: names.writeAlias, client: services.openSearch, time: services.time)
        let readsDocuments = !settings.onlyRejected && (settings.isDryRun || settings.budget != nil)
        let stages = Replay.Stages(
            listing: services.objectStore(),
            ledger: ledger,
            queue: services.queue(configuration.worker.ingestQueue),
            checkpoints: OpenSearchReplayCheckpoints(client: services.openSearch),
            forecast: readsDocuments ? try forecast(ledger, index) : nil
        )
        let replay = Replay(
            stages: stages,
            settings: settings,
            documents: configuration.pipeline,
            program: Self.program,
            log: services.log,
            time: services.time
        )
        let walk = LedgerWalk(client: services.openSearch, names: names)
        let result = try await shutdown.run(until: .stopping) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await ledger.run() }
                defer { group.cancelAll() }
                return try await settings.onlyRejected ? replay.runRejected(walk) : replay.run()
            }
        }
        guard let result else {
            return Self.program.note("\(Self.program.name): replay interrupted; --resume goes on\n")
        }
        let limit = settings.isDryRun ? await tokensPerMinute(names) : nil
        Self.program.print(result.text(settings, tokensPerMinute: limit))
    }

    private func forecast(_ ledger: OpenSearchLedger, _ index: OpenSearchIndex) throws -> ChangeForecast {
        let pool = ExtractorPool(configuration.extractor, metrics: services.metrics)
        let stages = ChangeForecast.Stages(
            ledger: ledger,
            store: documents(store),
            extractor: try extractors(pool, services.metrics).chain,
            chunker: chunker,
            index: index
        )
        return ChangeForecast(stages, settings: configuration.pipeline, time: services.time)
    }

    /// What the provider grants, as the running embed-workers know it.
    private func tokensPerMinute(_ names: IndexNames) async -> Int? {
        let reports = try? await WorkerReports(client: services.openSearch).running(at: services.time.now)
        return reports?.filter { $0.index == names.chunks }.compactMap { $0.metrics[RateLimiter.tokensPerMinute] }.max()
    }
}
