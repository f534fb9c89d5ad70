import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience

/// Receives messages, works on them, settles them: the loop of both workers.
///
/// Never more messages are received than slots are free. Stopping: nothing more is received, work in flight gets the grace period, then
/// it is cancelled; every message is settled before `run` returns: deleted, or released.
package struct WorkLoop: Sendable {
    /// What the loop does with a message.
    package struct Handler: Sendable {
        /// What the span of a job is called.
        package var name: String
        /// Deliveries of one receive with the same key are one job; nil: a job of its own.
        package var mergeKey: @Sendable (Delivery) -> ObjectReference?
        /// The objects that a message names, for log lines.
        package var objects: @Sendable (Delivery) -> String
        package var work: @Sendable (Job) async -> Outcome
        /// What remains to be done for a job whose lease was lost in the middle: another worker may have finished it since. Returns
        /// the dead-letter messages that may not have been sent.
        package var leaseLost: @Sendable (Job) async -> [DeadLetterMessage]
        /// Writes down that the message's documents are rejected, as no receive is left; throws where that is not possible now.
        package var exhaust: @Sendable (Job, Rejection) async throws -> [DeadLetterMessage]

        package init(
            name: String = "process message",
            mergeKey: @escaping @Sendable (Delivery) -> ObjectReference? = { _ in nil },
            objects: @escaping @Sendable (Delivery) -> String = { _ in "" },
            leaseLost: @escaping @Sendable (Job) async -> [DeadLetterMessage] = { _ in [] },
            exhaust: @escaping @Sendable (Job, Rejection) async throws -> [DeadLetterMessage] = { _, _ in [] },
            work: @escaping @Sendable (Job) async -> Outcome
        ) {
            self.name = name
            self.mergeKey = mergeKey
            self.objects = objects
            self.work = work
            self.leaseLost = leaseLost
            self.exhaust = exhaust
        }
    }

    let queue: any MessageQueue
    let deadLetters: any MessageQueue
    let settings: Settings
    let leases: LeaseKeeper
    let shutdown: Shutdown
    let environment: LoopEnvironment
    let handler: Handler
    private let slots: AsyncSemaphore
    /// Jobs that may wait in place for a dependency that not every message needs: the rest of the slots is for the others.
    private let waiting: AsyncSemaphore
    /// How much longer than its wait a poll may take before it is begun again, and as much again before the worker counts as stuck.
    private static let pollMargin = Duration.seconds(30)
    private let acknowledgements: RequestBatcher<String, Void>

    package init(
        queue: any MessageQueue,
        deadLetters: any MessageQueue,
        settings: Settings,
        shutdown: Shutdown,
        environment: LoopEnvironment,
        handler: Handler
    ) {
        self.queue = queue
        self.deadLetters = deadLetters
        self.settings = settings
        self.shutdown = shutdown
        self.environment = environment
        self.handler = handler
        leases = LeaseKeeper(
            queue: queue,
            timeout: settings.visibilityTimeout,
            time: environment.time,
            heartbeat: environment.heartbeat,
            log: environment.log
        )
        slots = AsyncSemaphore(settings.concurrency)
        waiting = AsyncSemaphore(settings.concurrency / 2)
        let limits = RequestBatcher<String, Void>.Limits(count: 10, linger: .milliseconds(20), concurrency: 4)
        acknowledgements = RequestBatcher(limits, time: environment.time) { [leases] receipts in
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

    /// Waits for a free slot while nothing essential is unavailable, and takes up to 10; nil when it is time to stop.
    private func freePlaces() async -> Int? {
        let isReady = try? await shutdown.run(until: .stopping) {
            try await environment.gate.waitUntilOpen()
            try await environment.breakers.waitUntilEssentialsClosed()
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

    /// Not cancelled by a stop: messages in a response that is not read would stay invisible until their timeout.
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
            for delivery in deliveries {
                environment.metrics.observe(.messageWait, delivery.received.duration(since: delivery.sent))
            }
            environment.ages.received(deliveries, at: environment.time.uptime)
            count(deliveries.count)
            environment.health.received()
            return deliveries
        } catch {
            let failure = Failure(error)
            environment.health.failed(failure.summary)
            environment.log.error("ReceiveMessage failed, retrying", ["error": failure.summary])
            _ = try? await shutdown.run(until: .stopping) {
                try await environment.time.sleep(for: .seconds(1 + 4 * environment.random.unit()))
            }
            return []
        }
    }

    private func merged(_ deliveries: [Delivery]) -> [(Job, [LeaseKeeper.Lease])] {
        var jobs: [(Job, [LeaseKeeper.Lease])] = []
        var byKey: [ObjectReference: Int] = [:]
        for delivery in deliveries {
            let lease = leases.add(delivery)
            let key = handler.mergeKey(delivery)
            if let key, let index = byKey[key] {
                jobs[index].0.deliveries.append(delivery)
                jobs[index].1.append(lease)
            } else {
                if let key { byKey[key] = jobs.count }
                jobs.append((Job(deliveries: [delivery], objects: handler.objects), [lease]))
            }
        }
        return jobs
    }

    private func finish(_ job: Job, _ leases: [LeaseKeeper.Lease]) async {
        let begun = environment.time.uptime
        await environment.tracer.span(handler.name, .consumer, parent: job.first.context) { span in
            var job = job
            // What is sent from here on is this span's child.
            if environment.tracer.isEnabled { job.deliveries[0].trace = span.context?.awsHeader }
            span.describe(job)
            await finish(job, leases, span)
        }
        environment.metrics.observe(.job, environment.time.uptime - begun)
    }

    private func finish(_ job: Job, _ leases: [LeaseKeeper.Lease], _ span: ActiveSpan) async {
        var job = job
        if environment.log.level <= .debug { environment.log.debug("message received", job.metadata) }
        let begun = environment.time.now
        environment.jobs.begin(job.first.messageID) { [job] in job.entry(at: begun) }
        defer { environment.jobs.end(job.first.messageID) }
        let ending = await attempts(&job, leases)
        span.describe(ending)
        switch ending {
        case .outcome(let outcome): await settlement.settle(job, outcome)
        case .stopped, .waited: await settlement.release(job, after: .zero)
        case .leaseLost:
            environment.metrics.add(.leasesLost)
            environment.log.warning("visibility timeout lost; job cancelled", job.metadata)
            try? await settlement.send(await handler.leaseLost(job), of: job)
        }
        for lease in leases { self.leases.remove(lease.receipt) }
        count(-job.deliveries.count)
    }

    private func count(_ change: Int) {
        environment.metrics.add(.messagesInFlight, change)
        environment.protection?.update(inFlight: environment.metrics[.messagesInFlight])
    }

    /// Works on a job until it has an outcome: through pauses, but not beyond a lost lease or the end of the grace period.
    private func attempts(_ job: inout Job, _ leases: [LeaseKeeper.Lease]) async -> JobEnding {
        while true {
            let started = environment.time.uptime
            let ending = await racing(leases, until: .now) { [job] in .outcome(await attempt(job)) }
            guard case .outcome(.blocked(let failure)) = ending else { return ending }
            job.failedSince = job.failedSince ?? started
            let judged = await judge(failure, &job, leases)
            switch judged {
            case .waited: continue
            case .outcome(.retry(let reason, _)) where job.isLastReceive(of: settings.maximumReceives):
                let last = await racing(leases, until: .now) { [job] in .outcome(await exhausted(job, reason)) }
                guard case .outcome(.blocked(let failure)) = last else { return last }
                if case .waited = await judge(failure, &job, leases) { continue }
                return judged
            default: return judged
            }
        }
    }

    /// One attempt. What cannot be indexed is in the dead-letter queue when it ends.
    private func attempt(_ job: Job) async -> Outcome {
        switch await handler.work(job) {
        case .deadLetter(let deadLetterMessages): return await deadLettered(job, deadLetterMessages)
        case .retry(let reason, _) where job.isLastReceive(of: settings.maximumReceives):
            return await exhausted(job, reason)
        case let other: return other
        }
    }

    private func deadLettered(_ job: Job, _ deadLetterMessages: [DeadLetterMessage]) async -> Outcome {
        do {
            try await settlement.send(deadLetterMessages, of: job)
            return .done
        } catch {
            return .blocked(Failure(error).of(.queue("dead letters")))
        }
    }

    /// The queue would move the message with the next receive, without a reason: the ledger and the dead-letter queue get one instead.
    private func exhausted(_ job: Job, _ reason: String) async -> Outcome {
        let detail = "\(settings.maximumReceives) receives failed, the last with: \(reason)"
        let rejection = Rejection(.retriesExhausted, detail)
        do {
            let deadLetterMessages = try await handler.exhaust(job, rejection)
            let fallback = DeadLetterMessage(reason: rejection.code.name, detail: detail)
            return await deadLettered(job, deadLetterMessages.isEmpty ? [fallback] : deadLetterMessages)
        } catch {
            return .blocked(Failure(error))
        }
    }

    /// Runs `body` until it ends, every lease of the job is lost, or `stage` is reached.
    private func racing(
        _ leases: [LeaseKeeper.Lease],
        until stage: Shutdown.Stage,
        _ body: @escaping @Sendable () async -> JobEnding
    ) async -> JobEnding {
        await withTaskGroup(of: JobEnding.self) { group in
            group.addTask { await body() }
            group.addTask {
                for lease in leases { try? await lease.lost.wait() }
                return .leaseLost
            }
            group.addTask {
                try? await shutdown.wait(for: stage)
                return .stopped
            }
            defer { group.cancelAll() }
            return await group.next() ?? .stopped
        }
    }

    /// Finds out what a failure is about. `waited` when the time for another attempt has come.
    private func judge(_ failure: Failure, _ job: inout Job, _ leases: [LeaseKeeper.Lease]) async -> JobEnding {
        let retry = JobEnding.outcome(.retry(failure.summary, after: failure.retryAfter))
        guard let dependency = failure.dependency else { return retry }
        let object = handler.mergeKey(job.first)
        let (work, since) = (job.first.messageID, job.failedSince ?? .zero)
        let verdict = await environment.breakers.verdict(failure, about: object, work: work, since: since)
        var wait = backoff(job.pauses)
        switch verdict {
        case .unavailable:
            guard dependency.isEssential || waiting.tryAcquire() else {
                return .outcome(.park(failure.summary))
            }
            job.isRepeated = false
        case .message:
            if case .throttled(_, let retryAfter, _) = failure, job.throttles < Self.throttlesInPlace {
                job.throttles += 1
                wait = min(retryAfter ?? wait, Self.maximumWait)
            } else if job.isRepeated {
                return retry
            }
            job.isRepeated = true
        case .undecided: break
        }
        defer { if verdict == .unavailable, !dependency.isEssential { waiting.release() } }
        job.pauses += 1
        if verdict != .unavailable {
            let metadata = ["reason": failure.summary, "attempt": "\(job.pauses)", "wait_ms": "\(wait.milliseconds)"]
            environment.log.warning("attempt failed, retrying in place", job.metadata.merging(metadata) { $1 })
        }
        return await racing(leases, until: .stopping) { [wait] in
            if verdict == .unavailable {
                try? await environment.breakers.waitUntilClosed(dependency, about: object)
            } else {
                try? await environment.time.sleep(for: wait)
            }
            return .waited
        }
    }

    /// A throttled job waits in place. The wait grows to a minute, so that this is some 15 minutes.
    private static let throttlesInPlace = 20
    private static let maximumWait = Duration.seconds(60)

    /// 1, 2, 4 … 60 s, with jitter.
    private func backoff(_ attempts: Int) -> Duration {
        min(Duration.seconds(1 << min(attempts, 6)), Self.maximumWait) * (0.5 + environment.random.unit() / 2)
    }

    private var settlement: Settlement {
        Settlement(
            queue: queue,
            deadLetters: deadLetters,
            acknowledgements: acknowledgements,
            leases: leases,
            shutdown: shutdown,
            environment: environment,
            exhaust: handler.exhaust
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
