import AsyncPrimitives
import Observability

/// What a worker reports of itself beside its log: spans, embedded metrics, and the gauges that have to be read.
package struct Telemetry: Sendable {
    package struct Settings: Sendable {
        package var traces: TraceExporter.Settings
        /// Metrics are written to the log in CloudWatch's embedded format.
        package var embedsMetrics: Bool
        /// Empty for the index's name.
        package var deployment: String

        package init(traces: TraceExporter.Settings, embedsMetrics: Bool, deployment: String = "") {
            (self.traces, self.embedsMetrics, self.deployment) = (traces, embedsMetrics, deployment)
        }
    }

    private let settings: Settings
    private let exporter: TraceExporter?
    private let environment: LoopEnvironment
    private let queue: any MessageQueue
    private let deadLetters: any MessageQueue
    private let depths = LockedValue([Metrics.Reading]())
    private let service: (name: String, pipeline: String, reporter: Metrics.Reporters)

    private static let queueInterval = Duration.seconds(30)
    /// CloudWatch's standard resolution.
    private static let reportInterval = Duration.seconds(60)

    package init(
        _ settings: Settings,
        service: (name: String, pipeline: String),
        queues: (own: any MessageQueue, deadLetters: any MessageQueue),
        services: Services,
        environment: LoopEnvironment
    ) {
        self.settings = settings
        self.environment = environment
        (queue, deadLetters) = queues
        let pipeline = settings.deployment.isEmpty ? service.pipeline : settings.deployment
        self.service = (service.name, pipeline, Metrics.Reporters(program: service.name))
        let resource = [
            ("service.name", service.name), ("service.version", Program.version), ("service.namespace", "ingest-fleet"),
            ("service.instance.id", HostName.current), ("ingest.pipeline", pipeline),
            ("ingest.index", service.pipeline),
        ]
        let encoding = TraceEncoding(resource: resource, scope: ("ingest-fleet", Program.version))
        let sender: TraceExporter.Sender =
            settings.traces.isXRay ? .signed(services.signed("xray")) : .plain(services.http)
        exporter = TraceExporter(settings.traces, sender, encoding, environment)
        environment.metrics.read { [depths] in depths.withLock { $0 } }
    }

    /// Until it is cancelled; then what is left is reported.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            if let exporter { group.addTask { await exporter.run() } }
            group.addTask { await watchQueues() }
            if settings.embedsMetrics { group.addTask { await report() } }
            await group.waitForAll()
        }
    }

    /// What is left when everything else has ended.
    package func finish() async { await exporter?.sendAll() }

    private func watchQueues() async {
        while !Task.isCancelled {
            if let own = try? await queue.attributes() {
                var found = [
                    ("visible", own.visibleMessages), ("in_flight", own.invisibleMessages),
                    ("delayed", own.delayedMessages),
                ]
                if let dead = try? await deadLetters.attributes() {
                    found.append(("dead", dead.visibleMessages + dead.invisibleMessages))
                }
                let readings = found.map { Metrics.Reading(.queueMessages, $0.0, Double($0.1)) }
                depths.withLock { $0 = readings }
            }
            try? await environment.time.sleep(for: Self.queueInterval)
        }
    }

    private func report() async {
        var lines = EmbeddedMetrics(
            environment.metrics,
            of: service.reporter,
            service: service.name,
            pipeline: service.pipeline
        )
        while !Task.isCancelled {
            // A cancelled sleep ends at once: the last line has what was counted since.
            try? await environment.time.sleep(for: Self.reportInterval)
            for line in lines.lines(at: environment.time.now) { environment.log.raw(line) }
        }
    }
}

extension Metrics.Reporters {
    /// A program's own families.
    package init(program: String) { self = program == "embed-worker" ? .embed : .ingest }
}
