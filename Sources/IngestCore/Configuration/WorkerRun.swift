import AsyncPrimitives
import Observability
import Resilience

/// What both workers do around their pipeline: look at the queue, serve health, run the loop.
package struct WorkerRun: Sendable {
    package let services: Services
    package let configuration: WorkerConfiguration
    package let environment: LoopEnvironment
    package let shutdown: Shutdown

    /// - Parameter probe: uses what the worker depends on, without an effect.
    package init(
        services: Services,
        configuration: WorkerConfiguration,
        shutdown: Shutdown,
        probe: @escaping CircuitBreakers.Probe
    ) {
        self.services = services
        self.configuration = configuration
        self.shutdown = shutdown
        var environment = LoopEnvironment(
            time: services.time,
            random: services.random,
            log: services.log,
            metrics: services.metrics,
            heartbeat: Heartbeat(services.time.uptime),
            breakers: CircuitBreakers(
                time: services.time,
                random: services.random,
                log: services.log,
                probe: probe
            ),
            protection: services.scaleInProtection()
        )
        let traces = configuration.telemetry.traces
        environment.tracer = Tracer(
            sampling: traces.endpoint == nil ? 0 : traces.sampling,
            time: services.time,
            random: services.random
        )
        self.environment = environment
        environment.readGauges()
    }

    /// Listens on the configured port; the default one is replaced where it is taken.
    package func serveHealth(defaultPort: UInt16) throws(Failure) {
        let reporters = Metrics.Reporters(program: environment.log.label)
        let server = try HealthServer(
            host: configuration.healthHost,
            port: configuration.healthPort.map { UInt16($0) } ?? defaultPort,
            isExact: configuration.healthPort != nil,
            log: environment.log
        ) { [environment, reporters] path in
            switch path {
            case "/live":
                return environment.health.isLive(at: environment.time.uptime)
                    ? (200, "live\n") : (503, "the work loop is stuck\n")
            case "/ready":
                guard let notReadyReason = environment.health.notReadyReason else { return (200, "ready\n") }
                return (503, "\(notReadyReason)\n")
            case "/metrics": return (200, environment.metrics.exposition(of: reporters))
            default: return (404, "there are /live, /ready and /metrics\n")
            }
        }
        server.start()
        environment.log.notice("health endpoint", ["address": "http://\(configuration.healthHost):\(server.port)"])
    }

    /// The queue's attributes, once it can be reached: until then the reason is logged and the call is retried. Nil when it is time to stop.
    package func attributes(_ queue: SQSQueue) async throws -> QueueAttributes? {
        try await shutdown.run(until: .stopping) {
            var attempt = 0
            while true {
                do {
                    return try await queue.attributes()
                } catch {
                    let failure = Failure(error)
                    environment.heartbeat.beat(services.time.uptime)
                    environment.health.failed(failure.summary)
                    environment.log.error(
                        "queue unreachable, retrying",
                        ["queue": queue.url, "error": failure.summary]
                    )
                    try await services.time.sleep(for: min(.seconds(1 << min(attempt, 5)), .seconds(30)))
                    attempt += 1
                }
            }
        }
    }

    /// Runs the loop over `queue` until a stop is requested, and `control` beside it.
    package func loop(_ queue: SQSQueue, _ control: WorkerControl, _ handler: WorkLoop.Handler) async throws {
        guard let attributes = try await attributes(queue) else { return }
        guard let redrive = attributes.redrive else {
            throw Failure.fleet(
                "\(queue.url) has no RedrivePolicy: documents that cannot be indexed need a dead-letter queue"
            )
        }
        let deadLetters = queue.sibling(arn: redrive.deadLetterARN)
        let dead = try? await deadLetters.attributes()
        if dead == nil {
            environment.log.warning("the dead-letter queue cannot be reached", ["queue": deadLetters.url])
        }
        for warning in attributes.warnings + attributes.warnings(deadLetters: dead) {
            environment.log.warning("queue attributes", ["queue": queue.url, "problem": warning])
        }
        environment.log.notice("started", ["queue": queue.url, "version": Program.version])
        let loop = WorkLoop(
            queue: queue,
            deadLetters: deadLetters,
            settings: WorkLoop.Settings(
                concurrency: configuration.concurrency,
                pollWait: configuration.poll,
                grace: configuration.grace,
                exitWhenIdle: configuration.exitWhenIdle,
                visibilityTimeout: attributes.visibilityTimeout,
                maximumReceives: redrive.maximumReceives
            ),
            shutdown: shutdown,
            environment: environment,
            handler: handler
        )
        let telemetry = Telemetry(
            configuration.telemetry,
            service: (environment.log.label, control.index),
            queues: (queue, deadLetters),
            services: services,
            environment: environment
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await control.run() }
            group.addTask { await telemetry.run() }
            await loop.run()
            group.cancelAll()
        }
        await telemetry.finish()
        await control.leave()
        environment.log.notice("stopped", ["deleted": "\(environment.metrics[.messagesDeleted])"])
    }
}

extension LoopEnvironment {
    /// The gauges that every worker has.
    fileprivate func readGauges() {
        let started = Double(time.now.milliseconds) / 1000
        metrics.read {
            metrics.set(.linesDropped, log.droppedLines)
            return
                ProcessReadings.all + ages.readings(at: time.uptime) + breakers.readings + gate.readings
                + drift.readings
                + [
                    Metrics.Reading(.ready, nil, health.notReadyReason == nil ? 1 : 0),
                    Metrics.Reading(.build, Program.version, 1), Metrics.Reading(.startTime, nil, started),
                ]
        }
    }
}

extension QueueAttributes {
    /// What is wrong with a queue that works nevertheless.
    package var warnings: [String] {
        var warnings: [String] = []
        if maximumMessageBytes < 65_536 {
            warnings.append("MaximumMessageSize is below 65,536: S3's events may not fit and are lost then")
        }
        if let redrive, redrive.maximumReceives < 3 {
            warnings.append("maxReceiveCount is below 3: a restart can move messages to the dead-letter queue")
        }
        if visibilityTimeout < .seconds(10) {
            warnings.append("VisibilityTimeout is below 10 s: visibility timeouts may expire between extensions")
        }
        return warnings
    }

    /// A message that moves keeps the time of its first sending, so that it expires early in a queue that keeps it no longer.
    package func warnings(deadLetters: QueueAttributes?) -> [String] {
        guard let deadLetters, deadLetters.retention <= retention else { return [] }
        return ["the dead-letter queue keeps messages no longer than the queue: they expire by their first sending"]
    }
}
