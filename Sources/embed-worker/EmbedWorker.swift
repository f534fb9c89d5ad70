import IngestCore

/// Chunks in, searchable vectors out.
@main
struct EmbedWorker {
    static let program = Program(
        name: "embed-worker",
        summary:
            "Embeds the chunks that ingest-worker hands over, and keeps the OpenSearch index in step with the bucket.",
        declarations: EmbedConfiguration.declarations
    )

    static func main() async {
        let shutdown = Shutdown()
        Signals.handle(with: shutdown)
        let environment = ProcessEnvironment.variables
        let parsed = program.parse(Array(CommandLine.arguments.dropFirst()), environment: environment)
        var reader = SettingsReader(parsed.values)
        let configuration = EmbedConfiguration(&reader)
        if let operand = parsed.operands.first { reader.problem("unexpected argument \"\(operand)\"") }
        program.require(reader, printing: parsed.values[Settings.printConfig.declaration.environment] == "true")

        let sink = StandardErrorLog(asJSON: configuration.common.logAsJSON)
        let services = Services(configuration.common, environment: environment, label: program.name, sink: sink)
        let worker = EmbedWorker(configuration: configuration, services: services, shutdown: shutdown)
        do {
            if parsed.values[Settings.check.declaration.environment] == "true" {
                let isHealthy = await worker.check()
                sink.close()
                if !isHealthy { program.fail("not everything can be reached", code: Program.ExitCode.unavailable) }
                return
            }
            try await worker.run()
            sink.close()
        } catch {
            let failure = Failure(error)
            services.log.log(.critical, failure.summary)
            sink.close()
            program.fail(failure.summary, code: Program.ExitCode.unavailable)
        }
    }

    let configuration: EmbedConfiguration
    let services: Services
    let shutdown: Shutdown

    private func run() async throws {
        let run = WorkerRun(services: services, configuration: configuration.worker, shutdown: shutdown)
        try run.serveHealth(defaultPort: 8081)
        let names = configuration.common.names
        let ledger = services.ledger(names)
        let index = OpenSearchIndex(
            name: names.writeAlias,
            client: services.openSearch,
            time: services.time,
            bulkBytes: configuration.bulkBytes
        )
        let embeddings = EmbeddingBatcher(
            configuration.embeddings.embedder(services, requests: configuration.requests),
            inputs: configuration.batchInputs,
            tokens: configuration.batchTokens,
            concurrency: configuration.requests,
            time: services.time
        )
        let pipeline = EmbedPipeline(
            ledger: ledger,
            index: index,
            embeddings: embeddings,
            handOver: HandOver(
                store: services.objectStore(),
                bucket: configuration.worker.handOverBucket,
                prefix: configuration.worker.handOverPrefix,
                inlineBytes: 0
            ),
            eventQueue: services.queue(configuration.worker.ingestQueue),
            indexName: names.chunks,
            stalenessBound: configuration.staleness,
            time: services.time,
            metrics: run.environment.metrics,
            log: run.environment.log
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            group.addTask { await index.run() }
            group.addTask { await embeddings.run() }
            try await run.loop(services.queue(configuration.worker.chunkQueue)) { await pipeline.handle($0) }
            group.cancelAll()
        }
    }

    private func check() async -> Bool {
        var report = CheckReport()
        let object = ObjectReference(
            bucket: configuration.worker.handOverBucket,
            key: configuration.worker.handOverPrefix + ".check"
        )
        await report.queue(services.queue(configuration.worker.chunkQueue), "CHUNK_QUEUE_URL")
        await report.item("HANDOVER_BUCKET", object.description) {
            _ = try await services.objectStore().readBytes(object, maximum: 1024)
        }
        await report.openSearch(services.openSearch, configuration.common)
        await report.item(
            "OPENAI_BASE_URL",
            "\(configuration.embeddings.provider.endpoint), \(configuration.common.model)"
        ) {
            let answer = await configuration.embeddings.embedder(services, requests: 1).embed([
                EmbeddingInput(text: "check", tokens: 1)
            ])
            _ = try answer[0].get()
        }
        Self.program.print(report.text)
        return report.isHealthy
    }
}
