/// Receives messages, works on them, settles them: the loop of both workers.
///
/// Never more messages are received than slots are free. Stopping: nothing more is received, work under way gets the grace period, then
/// it is cancelled; every message is settled before `run` returns: deleted, or given back at once.
package struct WorkLoop: Sendable {
    package struct Settings: Sendable {
        package var concurrency: Int
        package var pollWait: Duration
        package var grace: Duration
        /// Stop by itself when the queue has been empty for this long.
        package var exitWhenIdle: Duration?

        package init(
            concurrency: Int,
            pollWait: Duration = .seconds(20),
            grace: Duration = .seconds(20),
            exitWhenIdle: Duration? = nil
        ) {
            self.concurrency = concurrency
            self.pollWait = pollWait
            self.grace = grace
            self.exitWhenIdle = exitWhenIdle
        }
    }

    /// Deliveries that are settled as one.
    package struct Job: Sendable {
        package var deliveries: [Delivery]

        package init(deliveries: [Delivery]) { self.deliveries = deliveries }

        package var first: Delivery { deliveries[0] }
    }

    let queue: any MessageQueue
    let deadLetters: any MessageQueue
    let settings: Settings
    let leases: LeaseKeeper
    let gate: FleetGate
    let shutdown: Shutdown
    let environment: LoopEnvironment
    /// Deliveries of one receive with the same key are one job; nil stands alone.
    let mergeKey: @Sendable (Delivery) -> String?
    let work: @Sendable (Job) async -> Outcome
    private let slots: Slots
    private let acknowledgements: Coalescer<String, Void>

    package init(
        queue: any MessageQueue,
        deadLetters: any MessageQueue,
        settings: Settings,
        visibilityTimeout: Duration,
        gate: FleetGate,
        shutdown: Shutdown,
        environment: LoopEnvironment,
        mergeKey: @escaping @Sendable (Delivery) -> String? = { _ in nil },
        work: @escaping @Sendable (Job) async -> Outcome
    ) {
        self.queue = queue
        self.deadLetters = deadLetters
        self.settings = settings
        self.gate = gate
        self.shutdown = shutdown
        self.environment = environment
        self.mergeKey = mergeKey
        self.work = work
        leases = LeaseKeeper(queue: queue, timeout: visibilityTimeout, time: environment.time, log: environment.log)
        slots = Slots(settings.concurrency)
        let limits = Coalescer<String, Void>.Limits(count: 10, linger: .milliseconds(20), concurrency: 4)
        acknowledgements = Coalescer(limits, time: environment.time) { receipts in
            do {
                return try await queue.delete(receipts)
            } catch {
                return receipts.map { _ in .failure(error) }
            }
        }
    }

    package func run() async {
        await withTaskGroup(of: Void.self) { background in
            background.addTask { await leases.run() }
            background.addTask { await acknowledgements.run() }
            background.addTask { await endGracePeriod() }
            await receiveAndWork()
            background.cancelAll()
        }
    }

    private func receiveAndWork() async {
        await withDiscardingTaskGroup { jobs in
            var idleSince = environment.time.uptime
            while let places = await freePlaces() {
                let deliveries = await receive(maximum: places)
                let received = merged(deliveries)
                for _ in received.count..<places { slots.release() }
                for (job, leases) in received {
                    jobs.addTask {
                        await settle(job, leases, await outcome(job, leases))
                        slots.release()
                    }
                }
                if !deliveries.isEmpty || slots.free < settings.concurrency { idleSince = environment.time.uptime }
                await stopIfIdle(since: idleSince)
            }
        }
    }

    /// Waits for a free slot, with the gate open, and takes up to 10; nil when it is time to stop.
    private func freePlaces() async -> Int? {
        environment.heartbeat.beat(environment.time.uptime)
        let isReady = try? await shutdown.run(until: .stopping) {
            try await gate.waitUntilOpen()
            try await slots.acquire()
            return true
        }
        guard isReady == true else { return nil }
        if shutdown.isStopping {
            slots.release()
            return nil
        }
        var places = 1
        while places < 10, slots.tryAcquire() { places += 1 }
        return places
    }

    /// Never cancelled: messages in an answer that nobody reads would stay invisible until their timeout.
    private func receive(maximum: Int) async -> [Delivery] {
        do {
            let wait = settings.exitWhenIdle.map { min($0, settings.pollWait) } ?? settings.pollWait
            let deliveries = try await queue.receive(maximum: maximum, wait: max(wait, .seconds(1)))
            environment.metrics.add(.messagesReceived, deliveries.count)
            environment.metrics.add(.messagesInWork, deliveries.count)
            environment.health.received()
            return deliveries
        } catch {
            let failure = Failure(error)
            environment.health.failed(failure.summary)
            environment.log.error("messages cannot be received, trying again", ["error": failure.summary])
            _ = try? await shutdown.run(until: .stopping) {
                try await environment.time.sleep(for: .seconds(1 + 4 * environment.random.unit()))
            }
            return []
        }
    }

    private func merged(_ deliveries: [Delivery]) -> [(Job, [LeaseKeeper.Lease])] {
        var jobs: [(Job, [LeaseKeeper.Lease])] = []
        var byKey: [String: Int] = [:]
        for delivery in deliveries {
            let lease = leases.add(delivery)
            let key = mergeKey(delivery)
            if let key, let index = byKey[key] {
                jobs[index].0.deliveries.append(delivery)
                jobs[index].1.append(lease)
            } else {
                if let key { byKey[key] = jobs.count }
                jobs.append((Job(deliveries: [delivery]), [lease]))
            }
        }
        return jobs
    }

    /// Works on a job until it has a fate: through pauses, but not beyond a lost lease or the end of the grace period.
    private func outcome(_ job: Job, _ leases: [LeaseKeeper.Lease]) async -> Outcome? {
        while true {
            let outcome = await attempt(job, leases)
            guard case .pause(let reason) = outcome else {
                if outcome != nil { gate.open() }
                return outcome
            }
            let delay = gate.close(reason, unit: environment.random.unit())
            let waited = try? await shutdown.run(until: .stopping) {
                try await environment.time.sleep(for: delay)
                return true
            }
            if waited != true { return nil }
        }
    }

    /// Nil where the work was cancelled: the lease is lost, or time is up.
    private func attempt(_ job: Job, _ leases: [LeaseKeeper.Lease]) async -> Outcome? {
        await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await work(job) }
            group.addTask {
                try? await leases[0].lost.wait()
                return nil
            }
            group.addTask {
                try? await shutdown.wait(for: .now)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private func settle(_ job: Job, _ leases: [LeaseKeeper.Lease], _ outcome: Outcome?) async {
        await settlement.settle(job, outcome)
        for lease in leases { self.leases.remove(lease) }
        environment.metrics.add(.messagesInWork, -job.deliveries.count)
    }

    private var settlement: Settlement {
        Settlement(queue: queue, deadLetters: deadLetters, acknowledgements: acknowledgements, environment: environment)
    }

    private func stopIfIdle(since: Duration) async {
        guard let limit = settings.exitWhenIdle, environment.time.uptime - since >= limit,
            slots.free == settings.concurrency
        else { return }
        // Messages that wait for their back-off are work, too.
        if let attributes = try? await queue.attributes(), attributes.isEmpty { shutdown.enter(.stopping) }
    }

    private func endGracePeriod() async {
        guard (try? await shutdown.wait(for: .stopping)) != nil else { return }
        guard (try? await environment.time.sleep(for: settings.grace)) != nil else { return }
        shutdown.enter(.now)
    }
}

/// What the loop needs beside its queues.
package struct LoopEnvironment: Sendable {
    package var time: any TimeSource
    package var random: RandomSource
    package var log: Log
    package var metrics: Metrics
    package var health: Health
    package var heartbeat: Heartbeat

    package init(
        time: any TimeSource,
        random: RandomSource,
        log: Log,
        metrics: Metrics,
        health: Health,
        heartbeat: Heartbeat
    ) {
        self.time = time
        self.random = random
        self.log = log
        self.metrics = metrics
        self.health = health
        self.heartbeat = heartbeat
    }
}
