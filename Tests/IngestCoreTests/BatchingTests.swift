import AsyncPrimitives
import IngestCore
import IngestTestKit
import Testing

@Suite struct BatchingTests {
    @Test func whatIsCancelledIsNotSentAnyMore() async throws {
        let time = VirtualTime()
        let sent = LockedValue(0)
        let limits = RequestBatcher<Int, Int>.Limits(count: 4, linger: .milliseconds(10), concurrency: 1)
        let coalescer = RequestBatcher<Int, Int>(limits, time: time) { batch in
            sent.withLock { $0 += batch.count }
            try? await time.sleep(for: .seconds(5))
            return batch.map { .success($0) }
        }
        await time.flowing {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await coalescer.run() }
                await withTaskGroup(of: Void.self) { job in
                    for number in 0..<40 { job.addTask { _ = try? await coalescer.submit(number) } }
                    try? await time.sleep(for: .seconds(1))
                    job.cancelAll()
                }
                try? await time.sleep(for: .seconds(120))
                group.cancelAll()
            }
        }
        #expect(sent.withLock { $0 } == 4, "only what was in flight")
    }

    @Test func aFullBatchDoesNotWait() async throws {
        let time = SystemTime()
        let limits = RequestBatcher<Int, Int>.Limits(count: 4, linger: .seconds(600), concurrency: 1)
        let coalescer = RequestBatcher<Int, Int>(limits, time: time) { batch in batch.map { .success($0) } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await coalescer.run() }
            await withTaskGroup(of: Void.self) { job in
                for number in 0..<4 {
                    job.addTask {
                        try? await time.sleep(for: .milliseconds(50 * number))
                        _ = try? await coalescer.submit(number)
                    }
                }
            }
            group.cancelAll()
        }
        #expect(time.uptime < .seconds(300), "the linger was not waited for")
    }

    @Test func theByteBudgetIsSharedInOrder() async throws {
        let time = VirtualTime()
        let budget = ByteBudget(100)
        let used = LockedValue((now: 0, most: 0, done: 0))
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for weight in [60, 60, 30, 500, 10, 10] {
                    group.addTask {
                        try await budget.run(weight) {
                            used.withLock {
                                $0.now += min(weight, 100)
                                $0.most = max($0.most, $0.now)
                            }
                            try await time.sleep(for: .seconds(1))
                            used.withLock {
                                $0.now -= min(weight, 100)
                                $0.done += 1
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(used.withLock { $0.most <= 100 && $0.done == 6 })
    }

    @Test func aCancelledWaiterGivesItsShareBack() async throws {
        let budget = ByteBudget(10)
        try await budget.run(10) {
            let waiter = Task { try await budget.run(5) {} }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
        }
        try await budget.run(10) {}
    }
}
