import AsyncPrimitives
import Observability
import Resilience

/// A worker whose settings are not those of its queues' pipeline does not start.
package struct PipelineRefusal: ClassifiedError, Equatable {
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var failure: Failure { .fleet(reason, of: .index) }
}

/// How a worker becomes one of its pipeline's.
package struct WorkerRegistration: Sendable {
    private let registry: PipelineRegistry
    private let names: IndexNames
    private let kind: String
    /// DOCUMENTS and TENANT; nil in a worker that does not use them.
    private let rules: (documents: String, tenant: String)?

    package init(
        services: Services,
        names: IndexNames,
        kind: String,
        rules: (documents: String, tenant: String)? = nil
    ) {
        registry = PipelineRegistry(client: services.openSearch)
        self.names = names
        self.kind = kind
        self.rules = rules
    }

    /// Registers what the record did not say yet. While the cluster or the record is not there, the reason is logged and the look repeated.
    ///
    /// - Returns: all pipelines of the cluster; nil when it is time to stop.
    /// - Throws: `PipelineRefusal` where the settings are not those of the pipeline.
    package func admit(_ run: WorkerRun) async throws -> [PipelineRecord]? {
        try await run.shutdown.run(until: .stopping) {
            var attempt = 0
            while true {
                run.environment.heartbeat.beat(run.services.time.uptime)
                do {
                    let summary = await summary(run.services, run.configuration)
                    if let records = try await admit(summary) { return records }
                    run.environment.health.failed("the pipeline is not registered: 'ingestctl setup' registers it")
                    run.environment.log.error(
                        "waiting for the pipeline to be registered: run 'ingestctl setup' with the same settings",
                        ["pipeline": names.chunks]
                    )
                } catch let refusal as PipelineRefusal {
                    throw refusal
                } catch {
                    let failure = Failure(error)
                    let breakers = run.environment.breakers
                    guard await breakers.isAvailable(.ledger, about: nil, reason: failure.summary) else {
                        // Not for longer than the watchdog waits.
                        try? await run.services.time.limit(.seconds(30)) { try await breakers.waitUntilClosed(.ledger) }
                        try Task.checkCancellation()
                        continue
                    }
                    run.environment.health.failed(failure.summary)
                    run.environment.log.error("the registry cannot be read, retrying", ["error": failure.summary])
                }
                try await run.services.time.sleep(for: min(.seconds(1 << min(attempt, 4)), .seconds(10)))
                attempt += 1
            }
        }
    }

    /// For `--check`: whether the worker would be admitted, and as what.
    package func check(_ services: Services, _ configuration: WorkerConfiguration) async throws -> String {
        let summary = await summary(services, configuration)
        switch Admission.decide(summary, among: try await registry.all()) {
        case .admitted(let record): return "\(record.index), \(record.state.rawValue)"
        case .unregistered(let reason), .refused(let reason): throw PipelineRefusal(reason: reason)
        }
    }

    private func summary(_ services: Services, _ configuration: WorkerConfiguration) async -> WorkerSettingsSummary {
        var summary = WorkerSettingsSummary(
            names: names,
            kind: kind,
            events: await services.queue(configuration.ingestQueue).identity(),
            chunks: await services.queue(configuration.chunkQueue).identity(),
            handoff: ObjectReference(bucket: configuration.handoffBucket, key: configuration.handoffPrefix)
        )
        if let rules { (summary.rules, summary.tenant) = rules }
        return summary
    }

    /// Nil where the pipeline is not registered yet. Two that start in the same moment may both have claimed a queue: each looks again.
    private func admit(_ summary: WorkerSettingsSummary) async throws -> [PipelineRecord]? {
        let index = names.chunks
        var claim: (before: PipelineRecord?, after: PipelineRecord?)?
        for _ in 0..<2 {
            let records = try await registry.all()
            switch Admission.decide(summary, among: records) {
            case .unregistered: return nil
            case .refused(let reason):
                // Both have seen each other's claim: what stays would refuse both for ever.
                if let claim { try await registry.update(index) { $0 == claim.after ? claim.before : nil } }
                throw PipelineRefusal(reason: reason)
            case .admitted(let record):
                if records.contains(record) { return records }
                let before = records.first { $0.index == index }
                let after = try await registry.update(record.index) { current in
                    guard let current else { return nil }
                    switch Admission.decide(summary, among: records.map { $0.index == record.index ? current : $0 }) {
                    case .admitted(let claimed): return claimed
                    case .refused(let reason): throw PipelineRefusal(reason: reason)
                    case .unregistered: return nil
                    }
                }
                claim = (before, after)
            }
        }
        return try await registry.all()
    }
}

extension SQSQueue {
    /// Without an ARN where the role may not read the queue's attributes.
    package func identity() async -> QueueIdentity {
        QueueIdentity(url: url, arn: try? await attributes().arn)
    }
}
