import AsyncPrimitives
import ExtractionWire
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// What the work loop does with a message whose work failed.
@Suite struct FateTests {
    let time = VirtualTime()
    let shutdown = Shutdown()
    let isDown = LockedValue(true)
    let queue: InMemoryQueue
    let dead: InMemoryQueue

    init() {
        queue = InMemoryQueue(time: time)
        dead = InMemoryQueue(time: time)
    }

    private func run(
        _ handler: WorkLoop.Handler,
        concurrency: Int = 4,
        probe: CircuitBreakers.Probe? = nil,
        for duration: Duration = .seconds(400)
    ) async throws -> LoopEnvironment {
        let isDown = isDown
        let environment = LoopEnvironment.test(
            time: time,
            probe: probe ?? { _, _ in if isDown.withLock({ $0 }) { throw Failure.transient("down") } }
        )
        let settings = WorkLoop.Settings(concurrency: concurrency, pollWait: .seconds(2), maximumReceives: 3)
        let loop = WorkLoop(
            queue: queue,
            deadLetters: dead,
            settings: settings,
            shutdown: shutdown,
            environment: environment,
            handler: handler
        )
        let (time, shutdown) = (time, shutdown)
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await loop.run() }
                try await time.sleep(for: duration)
                shutdown.enter(.stopping)
                try await group.waitForAll()
            }
        }
        return environment
    }

    /// Five receives of a queue last two minutes; an outage of a load balancer lasts longer.
    @Test func anOutageOfTwentyMinutesBurnsNoReceive() async throws {
        for number in 0..<20 { try await queue.send(OutgoingMessage(body: "\(number)")) }
        let (time, isDown) = (time, isDown)
        let handler = WorkLoop.Handler { _ in
            isDown.withLock { $0 } ? .blocked(.transient("503 of a load balancer", of: .index)) : .done
        }
        let probe: CircuitBreakers.Probe = { _, _ in
            if time.uptime > .seconds(1200) { isDown.withLock { $0 = false } }
            if isDown.withLock({ $0 }) { throw Failure.transient("503") }
        }
        _ = try await run(handler, probe: probe, for: .seconds(1500))
        #expect(queue.messages.isEmpty && dead.messages.isEmpty)
        #expect(queue.largestReceiveCount == 1)
    }

    @Test func aMessageThatFailsAloneIsRejectedWithItsLastReceive() async throws {
        try await queue.send(OutgoingMessage(body: "poison"))
        isDown.withLock { $0 = false }
        let exhausted = LockedValue([String]())
        let handler = WorkLoop.Handler(
            exhaust: { job, rejection in
                exhausted.withLock { $0.append("\(job.first.body) \(rejection.code.name)") }
                return [DeadLetterMessage(reason: rejection.code.name, detail: rejection.detail, object: "s3://b/k")]
            },
            work: { _ in .blocked(.transient("500 for this one", of: .index)) }
        )
        _ = try await run(handler)
        #expect(exhausted.withLock { $0 } == ["poison retries_exhausted"])
        #expect(dead.messages.map { $0.message.attributes["reason"] } == ["retries_exhausted"])
        #expect(queue.messages.isEmpty && queue.largestReceiveCount == 3)
    }

    /// The work fails in the last moment of the outage, and its probe comes just after it.
    @Test func theEndOfAnOutageBurnsNoReceive() async throws {
        for number in 0..<4 { try await queue.send(OutgoingMessage(body: "\(number)")) }
        let isDown = isDown
        let handler = WorkLoop.Handler { _ in
            isDown.withLock { $0 } ? .blocked(.transient("connection timed out", of: .bucket("b"))) : .done
        }
        let probe: CircuitBreakers.Probe = { _, _ in isDown.withLock { $0 = false } }
        _ = try await run(handler, probe: probe)
        #expect(queue.messages.isEmpty && dead.messages.isEmpty)
        #expect(queue.largestReceiveCount == 1)
    }

    @Test func aBucketThatIsAwayHoldsUpNoOther() async throws {
        for number in 0..<6 { try await queue.send(OutgoingMessage(body: "broken \(number)")) }
        for number in 0..<6 { try await queue.send(OutgoingMessage(body: "good \(number)")) }
        let done = LockedValue([String: Duration]())
        let (time, isDown) = (time, isDown)
        let handler = WorkLoop.Handler { job in
            let isBroken = job.first.body.hasPrefix("broken") && isDown.withLock { $0 }
            if isBroken { return .blocked(.fleet("403", of: .bucket("broken"))) }
            done.withLock { $0[job.first.body] = time.uptime }
            if time.uptime > .seconds(100) { isDown.withLock { $0 = false } }
            return .done
        }
        let probe: CircuitBreakers.Probe = { dependency, _ in
            if time.uptime > .seconds(120) { isDown.withLock { $0 = false } }
            if dependency == .bucket("broken"), isDown.withLock({ $0 }) { throw Failure.transient("down") }
        }
        _ = try await run(handler, concurrency: 4, probe: probe, for: .seconds(900))
        let times = done.withLock { $0 }
        #expect(times.count == 12 && queue.messages.isEmpty && dead.messages.isEmpty)
        #expect(times.filter { $0.key.hasPrefix("good") }.allSatisfy { $0.value < .seconds(30) }, "\(times)")
        #expect(queue.largestReceiveCount == 1, "copies do not count as receives")
    }

    @Test func aDoneMessageIsAcknowledgedHoweverLongTheQueueIsAway() async throws {
        try await queue.send(OutgoingMessage(body: "x"))
        queue.failNextDeletes(10)
        let works = LockedValue(0)
        let (time, isDown) = (time, isDown)
        let handler = WorkLoop.Handler { _ in
            works.withLock { $0 += 1 }
            return .done
        }
        let probe: CircuitBreakers.Probe = { _, _ in
            if time.uptime > .seconds(300) { isDown.withLock { $0 = false } }
            if isDown.withLock({ $0 }) { throw Failure.transient("down") }
        }
        queue.failNextDeletes(1)
        _ = try await run(handler, probe: probe, for: .seconds(500))
        #expect(queue.messages.isEmpty && works.withLock { $0 } == 1)
    }

    @Test func aDeadLetterQueueThatIsAwayBurnsNoReceive() async throws {
        try await queue.send(OutgoingMessage(body: "x"))
        dead.failNextSends(3)
        isDown.withLock { $0 = false }
        let handler = WorkLoop.Handler { _ in .deadLetter([DeadLetterMessage(reason: "empty", detail: "")]) }
        _ = try await run(handler)
        #expect(dead.messages.count == 1 && queue.messages.isEmpty)
    }

    @Test func aCopyKeepsItsGroup() {
        let now = time.now
        let delivery = Delivery(messageID: "m", receipt: "r", body: "b", sent: now, group: "tenant-a", received: now)
        #expect(MessageCopy.of(delivery, after: .seconds(30)).group == "tenant-a")
    }

    @Test func attributesFromOutsideAreChecked() {
        let now = time.now
        for value in ["9223372036854775807", "-5", "x", "99999999999999999999"] {
            #expect((0...1_000_000).contains(MessageCopy.receives(["earlier_receives": value])))
            var delivery = Delivery(messageID: "m", receipt: "r", body: "b", sent: now, received: now)
            delivery.attributes = ["first_sent": value]
            #expect(MessageCopy.firstSent(delivery) <= now)
        }
        for text in ["1e400", "nan", "-1", "1e300h", "9999999999999999999"] {
            let headers = HTTPHeaders([("retry-after", text), ("x-amz-retry-after", text)])
            #expect(headers.retryAfter.map { $0 <= .seconds(120) && $0 >= .zero } ?? true)
        }
    }
}
