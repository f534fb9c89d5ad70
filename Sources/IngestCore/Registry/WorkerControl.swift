import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience
import TextCoding

/// A worker's line to the registry while it runs: sees an operator's pause, resume and retirement within seconds, and reports what it does.
package struct WorkerControl: Sendable {
    private let registry: PipelineRegistry
    private let reports: WorkerReports
    let index: String
    private let kind: String
    /// Names the report; random.
    private let id: String
    private let shutdown: Shutdown
    private let environment: LoopEnvironment
    /// What the worker counts beside its metrics.
    private let gauges: @Sendable () -> [String: Int]

    /// An operator's pause is seen within 15 s.
    private static let period = Duration.seconds(5)
    private static let maximumJobs = 100
    static let operatorPause = "paused by an operator"

    package init(
        services: Services,
        index: String,
        kind: String,
        shutdown: Shutdown,
        environment: LoopEnvironment,
        gauges: @escaping @Sendable () -> [String: Int] = { [:] }
    ) {
        registry = PipelineRegistry(client: services.openSearch)
        reports = WorkerReports(client: services.openSearch)
        self.index = index
        self.kind = kind
        self.shutdown = shutdown
        self.environment = environment
        self.gauges = gauges
        id = environment.random.workerName()
    }

    /// Until it is cancelled.
    package func run() async {
        var report = WorkerReport(
            id: id,
            kind: kind,
            index: index,
            host: HostName.current,
            version: Program.version,
            started: environment.time.now
        )
        try? await reports.prune(at: environment.time.now)
        while !Task.isCancelled {
            do {
                apply(try await registry.entry(index)?.record)
                fill(&report)
                try await reports.write(report)
            } catch {
                // What was known stays in force: the cluster's own breaker pauses the work.
                environment.log.debug("the registry cannot be read", ["error": Failure(error).summary])
            }
            try? await environment.time.sleep(for: Self.period * (0.8 + environment.random.unit() * 0.4))
        }
    }

    /// The worker has ended: its report is removed.
    package func leave() async { try? await reports.remove(id) }

    private func apply(_ record: PipelineRecord?) {
        guard let record else {
            // A registry that was lost stops no worker: what was known stays in force.
            return environment.log.warning(
                "the pipeline is not in the registry: run 'ingestctl setup' with the same settings",
                ["pipeline": index]
            )
        }
        guard record.state != .retired else {
            if environment.gate.close("the pipeline \(index) is retired") {
                environment.log.error("pipeline retired; stopping", ["pipeline": index])
            }
            return shutdown.enter(.stopping)
        }
        if let pause = record.paused[kind] {
            let reason =
                "\(Self.operatorPause) at \(pause.since.iso8601)\(pause.reason.isEmpty ? "" : ": \(pause.reason)")"
            if environment.gate.close(reason) {
                environment.log.notice("receiving paused by an operator", ["worker": kind, "reason": pause.reason])
            }
        } else if environment.gate.open() {
            environment.log.notice("receiving resumed", ["worker": kind])
        }
    }

    private func fill(_ report: inout WorkerReport) {
        report.written = environment.time.now
        report.paused =
            environment.breakers.open.map { "\($0.dependency): \($0.reason)" }
            + (environment.gate.reason.map { [$0] } ?? [])
        report.paused = report.paused.map { KnownSecrets.shared.masked($0).printable }
        report.jobs = environment.jobs.all.prefix(Self.maximumJobs).map {
            var entry = $0
            entry.objects = entry.objects.prefix(utf8: 2048)
            return entry
        }
        report.metrics = gauges()
        for series in Metrics.Series.allCases where series.divisor == 1 {
            report.metrics[series.rawValue] = environment.metrics[series]
        }
    }
}

extension RandomSource {
    /// Names a running worker among others.
    func workerName() -> String { Hex.string((0..<8).map { _ in UInt8(unit() * 256) }) }
}
