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

    @Test func manyAtOnceTravelInSeveralBatchesAndKeepTheirOrder() async throws {
        struct Odd: Error {}
        let batches = LockedValue([Int]())
        let limits = RequestBatcher<Int, Int>.Limits(count: 4, weight: 20, linger: .milliseconds(1), concurrency: 3)
        let batcher = RequestBatcher<Int, Int>(limits, time: SystemTime(), weigh: { $0 }) { batch in
            batches.withLock { $0.append(batch.count) }
            return batch.map { $0 % 3 == 2 ? .failure(Odd()) : .success(-$0) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await batcher.run() }
            let replies = try await batcher.submit(contentsOf: Array(0..<11))
            #expect(replies.map { try? $0.get() } == (0..<11).map { $0 % 3 == 2 ? nil : -$0 })
            #expect(try await batcher.submit(contentsOf: []).isEmpty)
            group.cancelAll()
        }
        #expect(batches.withLock { $0.reduce(0, +) } == 11 && batches.withLock { $0.count } >= 4)
        await #expect(throws: CancellationError.self) { _ = try await batcher.submit(contentsOf: [1]) }
    }

    /// What is in flight is written when the submission ends; the rest is never sent.
    @Test(arguments: [true, false]) func manyThatAreCancelledEndWithTheirBatch(_ outlasts: Bool) async throws {
        let time = VirtualTime()
        let limits = RequestBatcher<Int, Int>.Limits(
            count: 4,
            linger: .milliseconds(10),
            concurrency: 1,
            outlastsCancellation: outlasts
        )
        let (sent, finished, seen) = (LockedValue(0), LockedValue(0), LockedValue(-1))
        let batcher = RequestBatcher<Int, Int>(limits, time: time) { batch in
            sent.withLock { $0 += batch.count }
            try? await time.sleep(for: .seconds(5))
            finished.withLock { $0 += batch.count }
            return batch.map { .success($0) }
        }
        await time.flowing {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await batcher.run() }
                await withTaskGroup(of: Void.self) { job in
                    job.addTask {
                        _ = try? await batcher.submit(contentsOf: Array(0..<40))
                        seen.withLock { $0 = finished.withLock { $0 } }
                    }
                    try? await time.sleep(for: .seconds(1))
                    job.cancelAll()
                }
                try? await time.sleep(for: .seconds(120))
                group.cancelAll()
            }
        }
        #expect(sent.withLock { $0 } == 4 && finished.withLock { $0 } == 4)
        #expect(seen.withLock { $0 } == (outlasts ? 4 : 0))
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

    /// Behind a backlog of one tenant another's texts are in the next request.
    @Test func batchesAreFilledInTurnsOverGroups() async throws {
        let time = VirtualTime()
        let batches = LockedValue([[String]]())
        let limits = RequestBatcher<String, Int>.Limits(count: 4, linger: .milliseconds(10), concurrency: 1)
        let batcher = RequestBatcher<String, Int>(limits, time: time, turn: { (0, String($0.prefix(1))) }) { batch in
            batches.withLock { $0.append(batch) }
            try? await time.sleep(for: .seconds(5))
            return batch.map { _ in .success(0) }
        }
        await time.flowing {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await batcher.run() }
                await withTaskGroup(of: Void.self) { job in
                    for number in 0..<16 { job.addTask { _ = try? await batcher.submit("a\(number)") } }
                    try? await time.sleep(for: .seconds(1))
                    for number in 0..<3 { job.addTask { _ = try? await batcher.submit("b\(number)") } }
                }
                group.cancelAll()
            }
        }
        let groups = batches.withLock { $0.map { $0.map { $0.prefix(1) } } }
        #expect(
            groups == [
                ["a", "a", "a", "a"], ["a", "b", "a", "b"], ["a", "b", "a", "a"], ["a", "a", "a", "a"],
                ["a", "a", "a"],
            ]
        )
    }
}
