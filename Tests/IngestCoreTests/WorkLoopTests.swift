import AsyncPrimitives
import ExtractionWire
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

@Suite struct WorkLoopTests {
    let time = VirtualTime()
    let shutdown = Shutdown()
    let metrics = LockedValue<Metrics?>(nil)

    private func loop(
        _ queue: InMemoryQueue,
        _ deadLetters: InMemoryQueue,
        concurrency: Int = 4,
        grace: Duration = .seconds(20),
        idle: Duration? = .seconds(3),
        mergeKey: @escaping @Sendable (Delivery) -> ObjectReference? = { _ in nil },
        work: @escaping @Sendable (WorkLoop.Job) async -> Outcome
    ) -> WorkLoop {
        let time = time
        let environment = LoopEnvironment.test(time: time) { _, _ in
            if time.uptime < .seconds(1200) { throw Failure.transient("the probe fails as well") }
        }
        metrics.withLock { $0 = environment.metrics }
        return WorkLoop(
            queue: queue,
            deadLetters: deadLetters,
            settings: .init(
                concurrency: concurrency,
                pollWait: .seconds(2),
                grace: grace,
                exitWhenIdle: idle,
                visibilityTimeout: .seconds(30)
            ),
            shutdown: shutdown,
            environment: environment,
            handler: WorkLoop.Handler(mergeKey: mergeKey, work: work)
        )
    }

    private func run(_ loop: WorkLoop) async { await time.flowing { await loop.run() } }

    @Test func everyMessageIsWorkedOnAndDeletedNeverMoreThanSlots() async throws {
        let queue = InMemoryQueue(time: time)
        let busy = LockedValue((now: 0, most: 0))
        for number in 0..<50 { try await queue.send(OutgoingMessage(body: "\(number)")) }
        await run(
            loop(queue, InMemoryQueue(time: time), concurrency: 3) { _ in
                busy.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                try? await time.sleep(for: .seconds(5))
                busy.withLock { $0.now -= 1 }
                return .done
            }
        )
        #expect(queue.messages.isEmpty && queue.deletedCount == 50)
        #expect(busy.withLock { $0.most } == 3)
        #expect(metrics.withLock { $0?[.messagesReceived] == 50 && $0?[.messagesInFlight] == 0 })
        #expect(queue.largestReceive <= 3)
    }

    @Test func leasesAreExtendedFromReceiveUntilSettled() async throws {
        let queue = InMemoryQueue(time: time, timeout: .seconds(30))
        try await queue.send(OutgoingMessage(body: "slow"))
        let starts = LockedValue(0)
        let id = queue.messages[0].id
        await run(
            loop(queue, InMemoryQueue(time: time)) { _ in
                starts.withLock { $0 += 1 }
                try? await time.sleep(for: .seconds(300))
                return .done
            }
        )
        #expect(starts.withLock { $0 } == 1, "no other worker received the message")
        #expect((15...25).contains(queue.extensions(ofMessage: id)))
    }

    @Test func aLostLeaseCancelsTheWork() async throws {
        let queue = InMemoryQueue(time: time)
        try await queue.send(OutgoingMessage(body: "x"))
        let id = queue.messages[0].id
        let attempts = LockedValue((started: 0, cancelled: 0))
        await run(
            loop(queue, InMemoryQueue(time: time)) { job in
                attempts.withLock { $0.started += 1 }
                if job.first.receiveCount > 1 { return .done }
                queue.loseLease(ofMessage: id)
                do {
                    try await time.sleep(for: .seconds(500))
                } catch {
                    attempts.withLock { $0.cancelled += 1 }
                }
                return .done
            }
        )
        #expect(attempts.withLock { $0 } == (2, 1))
        #expect(queue.messages.isEmpty)
    }

    @Test func retriesComeBackLaterAndLater() async throws {
        let queue = InMemoryQueue(time: time)
        try await queue.send(OutgoingMessage(body: "x"))
        let times = LockedValue([Duration]())
        await run(
            loop(queue, InMemoryQueue(time: time)) { job in
                times.withLock { $0.append(time.uptime) }
                return job.first.receiveCount < 4 ? .retry("not yet", after: nil) : .done
            }
        )
        let seen = times.withLock { $0 }
        #expect(seen.count == 4)
        let gaps = zip(seen.dropFirst(), seen).map { $0.0 - $0.1 }
        #expect(gaps[0] < gaps[1] && gaps[1] < gaps[2] && gaps[2] >= .seconds(10))
    }

    @Test func deadLettersCarryTheirReasonAndNeighboursGoOn() async throws {
        let queue = InMemoryQueue(time: time)
        let dead = InMemoryQueue(time: time)
        for body in ["good", "bad", "good"] { try await queue.send(OutgoingMessage(body: body)) }
        dead.failNextSends(2)  // the dead-letter message is not lost when that queue is unavailable
        await run(
            loop(queue, dead) { job in
                guard job.first.body == "bad" else { return .done }
                return .deadLetter([
                    DeadLetterMessage(reason: "malformed", detail: "damaged", object: "s3://b/k\u{1}", generation: 7)
                ])
            }
        )
        #expect(queue.messages.isEmpty)
        #expect(dead.messages.map(\.message.body) == ["bad"])
        #expect(
            dead.messages[0].message.attributes == [
                "reason": "malformed", "detail": "damaged", "object": "s3://b/k\u{FFFD}", "generation": "7",
            ]
        )
    }

    @Test func aFleetFaultHoldsMessagesWithoutBurningReceives() async throws {
        let queue = InMemoryQueue(time: time)
        for number in 0..<20 { try await queue.send(OutgoingMessage(body: "\(number)")) }
        let counts = LockedValue([Int]())
        await run(
            loop(queue, InMemoryQueue(time: time)) { job in
                counts.withLock { $0.append(job.first.receiveCount) }
                return time.uptime < .seconds(1200) ? .blocked(.fleet("no quota", of: .provider)) : .done
            }
        )
        #expect(queue.messages.isEmpty && queue.deletedCount == 20)
        #expect(counts.withLock { $0.max() } == 1)
    }

    @Test func stoppingFinishesWhatItCanAndReleasesTheRest() async throws {
        let queue = InMemoryQueue(time: time)
        for body in ["quick", "endless", "queued"] { try await queue.send(OutgoingMessage(body: body)) }
        await run(
            loop(queue, InMemoryQueue(time: time), concurrency: 2, grace: .seconds(10), idle: nil) { job in
                if job.first.body == "endless" { shutdown.enter(.stopping) }
                try? await time.sleep(for: job.first.body == "quick" ? .seconds(5) : .seconds(5000))
                return .done
            }
        )
        #expect(queue.messages.map(\.message.body).sorted() == ["endless", "queued"])
        #expect(queue.messages.allSatisfy { $0.visibleAt <= time.uptime }, "released, not left to their timeout")
        #expect(time.uptime < .seconds(20))
    }

    @Test func deliveriesOfOneReceiveWithTheSameKeyAreOneJob() async throws {
        let queue = InMemoryQueue(time: time)
        for body in ["a", "b", "a", "a"] { try await queue.send(OutgoingMessage(body: body)) }
        let jobs = LockedValue([Int]())
        await run(
            loop(
                queue,
                InMemoryQueue(time: time),
                concurrency: 10,
                mergeKey: { ObjectReference(bucket: "b", key: $0.body) }
            ) { job in
                jobs.withLock { $0.append(job.deliveries.count) }
                return .done
            }
        )
        #expect(jobs.withLock { $0.sorted() } == [1, 3])
        #expect(queue.deletedCount == 4)
    }
}
