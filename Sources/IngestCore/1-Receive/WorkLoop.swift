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
        /// How often this delivery was begun before: a pause begins it again.
        package var pauses = 0

        package init(deliveries: [Delivery]) { self.deliveries = deliveries }

        package var first: Delivery { deliveries[0] }

        /// Nobody can have worked on the message before.
        package var isFirstAttempt: Bool { first.receiveCount == 1 && pauses == 0 }
    }

    /// How an attempt at a job ended.
    private enum Ending: Sendable {
        case outcome(Outcome)
        case leaseLost
        case stopped
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
    /// What remains to be done for a job whose lease was lost in the middle: another worker may have finished it meanwhile. Returns
    /// the letters that may have been left untold.
    let tidy: @Sendable (Job) async -> [DeadLetter]
    private let slots: Slots
    /// How much longer than its wait a poll may take before it is begun again, and as much again before the worker counts as stuck.
    private static let pollMargin = Duration.seconds(30)
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
        tidy: @escaping @Sendable (Job) async -> [DeadLetter] = { _ in [] },
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
        self.tidy = tidy
        leases = LeaseKeeper(
            queue: queue,
            timeout: visibilityTimeout,
            time: environment.time,
            heartbeat: environment.heartbeat,
            log: environment.log
        )
        slots = Slots(settings.concurrency)
        let limits = Coalescer<String, Void>.Limits(count: 10, linger: .milliseconds(20), concurrency: 4)
        acknowledgements = Coalescer(limits, time: environment.time) { [leases] receipts in
            await Self.delete(receipts, queue, leases)
        }
    }

    /// A message that is gone has no lease to extend, whatever its job is still waiting for.
    private static func delete(_ receipts: [String], _ queue: any MessageQueue, _ leases: LeaseKeeper) async -> [Result<
        Void, any Error
    >] {
        let results: [Result<Void, any Error>]
        do {
            results = try await queue.delete(receipts)
        } catch {
            return receipts.map { _ in .failure(error) }
        }
        for (receipt, result) in zip(receipts, results) {
            let isDeleted = if case .success = result { true } else { false }
            guard isDeleted else { continue }
            leases.remove(receipt)
        }
        return results
    }

    package func run() async {
        await withTaskGroup(of: Void.self) { background in
            background.addTask { await leases.run() }
            background.addTask { await acknowledgements.run() }
            background.addTask { await endGracePeriod() }
            background.addTask { await environment.protection?.run() }
            await receiveAndWork()
            background.cancelAll()
        }
        await environment.protection?.release()
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
                        await finish(job, leases)
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

    /// Not cancelled by a stop: messages in an answer that nobody reads would stay invisible until their timeout.
    private func receive(maximum: Int) async -> [Delivery] {
        let wait = max(settings.exitWhenIdle.map { min($0, settings.pollWait) } ?? settings.pollWait, .seconds(1))
        environment.heartbeat.poll(until: environment.time.uptime + wait + Self.pollMargin * 2)
        defer { environment.heartbeat.poll(until: nil) }
        do {
            let deliveries = try await environment.time.limit(wait + Self.pollMargin) {
                try await queue.receive(maximum: maximum, wait: wait)
            }
            environment.metrics.add(.messagesReceived, deliveries.count)
            environment.metrics.add(.messagesRedelivered, deliveries.count { $0.receiveCount > 1 })
            count(deliveries.count)
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

    private func finish(_ job: Job, _ leases: [LeaseKeeper.Lease]) async {
        switch await ending(of: job, leases) {
        case .outcome(let outcome): await settlement.settle(job, outcome)
        case .stopped: await settlement.settle(job, nil)
        case .leaseLost:
            environment.log.warning("another worker may have the message: the work on it is dropped")
            await settlement.tell(job, await tidy(job))
        }
        for lease in leases { self.leases.remove(lease.receipt) }
        count(-job.deliveries.count)
    }

    private func count(_ change: Int) {
        environment.metrics.add(.messagesInWork, change)
        environment.protection?.update(inWork: environment.metrics[.messagesInWork])
    }

    /// Works on a job until it has a fate: through pauses, but not beyond a lost lease or the end of the grace period.
    private func ending(of job: Job, _ leases: [LeaseKeeper.Lease]) async -> Ending {
        var job = job
        while true {
            let ending = await attempt(job, leases)
            if case .leaseLost = ending, job.pauses > 0 { gate.abandon() }
            guard case .outcome(let outcome) = ending else { return ending }
            guard case .pause(let reason) = outcome else {
                gate.open()
                return ending
            }
            job.pauses += 1
            let delay = gate.close(reason, unit: environment.random.unit())
            let waited = try? await shutdown.run(until: .stopping) {
                try await environment.time.sleep(for: delay)
                return true
            }
            if waited != true { return .stopped }
        }
    }

    private func attempt(_ job: Job, _ leases: [LeaseKeeper.Lease]) async -> Ending {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask { .outcome(await work(job)) }
            group.addTask {
                try? await leases[0].lost.wait()
                return .leaseLost
            }
            group.addTask {
                try? await shutdown.wait(for: .now)
                return .stopped
            }
            defer { group.cancelAll() }
            return await group.next() ?? .stopped
        }
    }

    private var settlement: Settlement {
        Settlement(
            queue: queue,
            deadLetters: deadLetters,
            acknowledgements: acknowledgements,
            leases: leases,
            environment: environment
        )
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
    /// Where the task runs on ECS.
    package var protection: ScaleInProtection?

    package init(
        time: any TimeSource,
        random: RandomSource,
        log: Log,
        metrics: Metrics,
        health: Health,
        heartbeat: Heartbeat,
        protection: ScaleInProtection? = nil
    ) {
        self.time = time
        self.random = random
        self.log = log
        self.metrics = metrics
        self.health = health
        self.heartbeat = heartbeat
        self.protection = protection
    }
}
