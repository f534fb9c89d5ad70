import AsyncPrimitives
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// Leases, polls and messages for others: what keeps a message in one pair of hands.
@Suite struct LeaseTests {
    let time = VirtualTime()
    let shutdown = Shutdown()

    private func loop(
        _ queue: any MessageQueue,
        _ deadLetters: InMemoryQueue? = nil,
        environment: LoopEnvironment? = nil,
        timeout: Duration = .seconds(900),
        idle: Duration? = .seconds(3),
        leaseLost: @escaping @Sendable (WorkLoop.Job) async -> [DeadLetterMessage] = { _ in [] },
        work: @escaping @Sendable (WorkLoop.Job) async -> Outcome
    ) -> WorkLoop {
        let standard = LoopEnvironment.test(time: time)
        return WorkLoop(
            queue: queue,
            deadLetters: deadLetters ?? InMemoryQueue(time: time),
            settings: .init(
                concurrency: 2,
                pollWait: .seconds(20),
                grace: .seconds(5),
                exitWhenIdle: idle,
                visibilityTimeout: timeout
            ),
            shutdown: shutdown,
            environment: environment ?? standard,
            handler: WorkLoop.Handler(leaseLost: leaseLost, work: work)
        )
    }

    @Test(.tags(.long)) func noLeaseIsExtendedBeyondTwelveHoursAndTheWorkEndsBefore() async throws {
        let queue = InMemoryQueue(time: time, timeout: .seconds(900))
        try await queue.send(OutgoingMessage(body: "endless"))
        let ended = LockedValue<Duration?>(nil)
        let loop = loop(queue) { job in
            guard job.first.receiveCount == 1 else { return .done }
            try? await time.sleep(for: .seconds(50_000))
            ended.withLock { $0 = time.uptime }
            return .done
        }
        await time.flowing { await loop.run() }
        #expect(queue.refusedExtensions == 0)
        let end = try #require(ended.withLock { $0 })
        #expect(end > .seconds(43_000) && end < .seconds(43_200))
        #expect(queue.messages.isEmpty, "another delivery did it")
    }

    @Test func aLostLeaseIsCleanedUpAndItsReceiptIsNotUsedAgain() async throws {
        let queue = InMemoryQueue(time: time, timeout: .seconds(30))
        try await queue.send(OutgoingMessage(body: "x"))
        let id = queue.messages[0].id
        let steps = LockedValue([String]())
        let dead = InMemoryQueue(time: time)
        let loop = loop(queue, dead, timeout: .seconds(30)) { job in
            steps.withLock { $0.append("swept") }
            #expect(job.first.body == "x")
            return [DeadLetterMessage(reason: "reported", detail: "again")]
        } work: { job in
            if job.first.receiveCount > 1 { return .done }
            queue.loseLease(ofMessage: id)
            try? await time.sleep(for: .seconds(500))
            steps.withLock { $0.append("cancelled") }
            return .done
        }
        await time.flowing { await loop.run() }
        #expect(steps.withLock { $0 } == ["cancelled", "swept"])
        #expect(queue.refusedExtensions == 1 && queue.messages.isEmpty && dead.messages.count == 1)
    }

    @Test func aLeaseThatIsLostInAPauseDoesNotPauseForEver() async throws {
        let queue = InMemoryQueue(time: time, timeout: .seconds(30))
        try await queue.send(OutgoingMessage(body: "x"))
        let id = queue.messages[0].id
        let attempts = LockedValue([Int]())
        let loop = loop(queue, timeout: .seconds(30)) { job in
            attempts.withLock { $0.append(job.first.receiveCount) }
            if job.first.receiveCount > 1 { return .done }
            queue.loseLease(ofMessage: id)
            return .blocked(.fleet("the cluster is closed", of: .index))
        }
        await time.flowing { await loop.run() }
        #expect(attempts.withLock { $0.last } == 2 && queue.messages.isEmpty)
    }

    /// A queue whose first poll never ends.
    private final class HangingQueue: MessageQueue {
        let queue: InMemoryQueue
        let hears: Bool
        let polls = LockedValue(0)

        init(_ queue: InMemoryQueue, hearsCancellation: Bool) {
            self.queue = queue
            hears = hearsCancellation
        }

        func receive(maximum: Int, wait: Duration) async throws -> [Delivery] {
            let number = polls.withLock { polls in
                polls += 1
                return polls
            }
            if number > 1 { return try await queue.receive(maximum: maximum, wait: wait) }
            let never = Latch()
            if hears { try await never.wait() } else { await Task.detached { try? await never.wait() }.value }
            return []
        }
        func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>] { try await queue.delete(receipts) }
        func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
            try await queue.setVisibility(receipts, timeout)
        }
        func send(_ message: OutgoingMessage) async throws { try await queue.send(message) }
        func attributes() async throws -> QueueAttributes { try await queue.attributes() }
    }

    @Test func aPollThatDoesNotEndIsBegunAgain() async throws {
        let queue = InMemoryQueue(time: time)
        try await queue.send(OutgoingMessage(body: "x"))
        let environment = LoopEnvironment.test(time: time)
        let loop = loop(HangingQueue(queue, hearsCancellation: true), environment: environment) { _ in .done }
        await time.flowing { await loop.run() }
        #expect(queue.messages.isEmpty && environment.health.isLive(at: time.uptime))
    }

    @Test func aWorkerThatIsStuckSaysSo() async throws {
        let environment = LoopEnvironment.test(time: time)
        let queue = HangingQueue(InMemoryQueue(time: time), hearsCancellation: false)
        let loop = loop(queue, environment: environment, idle: nil) { _ in .done }
        let time = time
        Task { await loop.run() }  // for ever
        let seen = await time.flowing { () -> [Bool] in
            var seen: [Bool] = []
            for _ in 0..<10 {
                try? await time.sleep(for: .seconds(10))
                seen.append(environment.health.isLive(at: time.uptime))
            }
            return seen
        }
        #expect(seen.first == true && seen.last == false)
    }

    @Test func aMessageForNewerWorkersOutlivesAnyNumberOfOlderOnes() async throws {
        let queue = InMemoryQueue(time: time)
        let dead = InMemoryQueue(time: time)
        try await queue.send(OutgoingMessage(body: "version 2", attributes: ["kept": "yes"], trace: "Root=1"))
        let counts = LockedValue([Int]())
        let hasNewerWorker = LockedValue(false)
        let loop = loop(queue, dead) { job in
            let count = counts.withLock { counts in
                counts.append(job.first.receiveCount)
                return counts.count
            }
            #expect(job.first.body == "version 2" && job.first.trace == "Root=1")
            if count == 50 { hasNewerWorker.withLock { $0 = true } }
            return hasNewerWorker.withLock { $0 } ? .done : .leave("a newer message")
        }
        await time.flowing { await loop.run() }
        #expect(counts.withLock { $0 } == Array(1...50), "the count of all receives goes on")
        #expect(queue.largestReceiveCount == 1, "the queue's own never nears its limit")
        #expect(queue.messages.isEmpty && dead.messages.isEmpty)
    }

    @Test func aMessageForAMissingVersionIsNotLeftForEver() async throws {
        let queue = InMemoryQueue(time: time)
        let dead = InMemoryQueue(time: time)
        let earlier = time.now.advanced(by: .seconds(-5 * 86_400)).milliseconds
        let attributes = ["first_sent": "\(earlier)", "earlier_receives": "7"]
        try await queue.send(OutgoingMessage(body: "version 9", attributes: attributes))
        let loop = loop(queue, dead) { job in
            #expect(job.first.receiveCount == 8)
            return .leave("a newer message")
        }
        await time.flowing { await loop.run() }
        #expect(dead.messages.map(\.message.body) == ["version 9"])
        #expect(dead.messages[0].message.attributes["reason"] == "left_too_long")
    }

    /// However long the backlog before it is.
    @Test func aMessageWhoseTurnHasNotComeIsKept() async throws {
        let queue = InMemoryQueue(time: time)
        let dead = InMemoryQueue(time: time)
        let earlier = time.now.advanced(by: .seconds(-5 * 86_400)).milliseconds
        try await queue.send(OutgoingMessage(body: "m", attributes: ["first_sent": "\(earlier)"]))
        let count = LockedValue(0)
        let loop = loop(queue, dead) { _ in
            let turns = count.withLock { count in
                count += 1
                return count
            }
            return turns < 20 ? .postpone("every lane is at work") : .done
        }
        await time.flowing { await loop.run() }
        #expect(count.withLock { $0 } == 20 && queue.messages.isEmpty && dead.messages.isEmpty)
    }

    @Test func oneKeyIsWorkedOnByOneTaskAtATime() async throws {
        let keys = KeyedMutex<String>()
        let busy = LockedValue((now: 0, most: 0, done: 0))
        let time = time
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await keys.run(number % 5 == 0 ? "other" : "key") {
                            busy.withLock {
                                $0.now += 1
                                $0.most = max($0.most, $0.now)
                            }
                            try await time.sleep(for: .seconds(1))
                            busy.withLock {
                                $0.now -= 1
                                $0.done += 1
                            }
                        }
                    }
                }
                let cancelled = Task { try await keys.run("key") { Issue.record("it was cancelled in line") } }
                cancelled.cancel()
                await #expect(throws: CancellationError.self) { try await cancelled.value }
                try await group.waitForAll()
            }
        }
        #expect(busy.withLock { $0 } == (0, 2, 20))
    }
}
