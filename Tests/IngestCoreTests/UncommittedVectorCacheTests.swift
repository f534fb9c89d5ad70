import AsyncPrimitives
import ExtractionWire
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// What is paid for and not yet in the index.
@Suite struct PaidVectorsTests {
    private let document = DocumentID(tenant: "t", object: ObjectReference(bucket: "b", key: "k"))

    private func key(_ generation: Int) -> UncommittedVectorCache.Key {
        UncommittedVectorCache.Key(document, generation)
    }

    @Test func takenOnceAndForOneGenerationOnly() {
        let paid = UncommittedVectorCache()
        paid.keep([0: [1, 2], 3: [4, 5]], key(7))
        #expect(paid.take(key(8)).isEmpty)
        #expect(paid.take(key(7)) == [0: [1, 2], 3: [4, 5]])
        #expect(paid.take(key(7)).isEmpty && paid.count == 0)
    }

    @Test func whatIsKeptAddsUp() {
        let paid = UncommittedVectorCache()
        paid.keep([0: [1]], key(1))
        paid.keep([1: [2]], key(1))
        paid.keep([:], key(2))
        #expect(paid.count == 1 && paid.take(key(1)) == [0: [1], 1: [2]])
    }

    @Test func theOldestIsForgottenBeyondTheLimit() {
        let paid = UncommittedVectorCache(maximumBytes: 4 * 10)
        for generation in 1...3 { paid.keep([0: [1, 2, 3, 4]], key(generation)) }
        #expect(paid.count == 2)
        #expect(paid.take(key(1)).isEmpty && !paid.take(key(2)).isEmpty && !paid.take(key(3)).isEmpty)
    }

    /// What may pass is retried in place, what is the document's or an unavailable dependency's is not.
    @Test func theRetryBudgetHasItsLimitAndItsKinds() async throws {
        let time = VirtualTime()
        let isDown = LockedValue(false)
        let environment = LoopEnvironment.test(time: time) { _, _ in
            if isDown.withLock({ $0 }) { throw Failure.transient("the probe fails as well") }
        }
        let retryBudget = RetryBudget(
            limit: .seconds(60),
            time: time,
            random: RandomSource { 0 },
            breakers: environment.breakers,
            log: environment.log
        )
        let failing = { @Sendable (failure: Failure) async in
            let tries = LockedValue(0)
            await time.flowing {
                try? await retryBudget.run("work") {
                    tries.withLock { $0 += 1 }
                    throw failure
                }
            }
            return tries.withLock { $0 }
        }
        // 0.5, 1, 2, 4, 8, 15, 15, 15 s between them.
        #expect(await failing(.transient("503", of: .index)) == 9)
        #expect(
            await failing(.fleet("blocked", of: .index)) == 9,
            "the probe succeeds: it may be about this request alone"
        )
        #expect(await failing(.document(Rejection(.indexRefused, "refused"))) == 1)
        isDown.withLock { $0 = true }
        #expect(await failing(.transient("503", of: .index)) == 1, "the work loop waits for what is unavailable")
        #expect(environment.breakers.open.map(\.dependency) == [.index])
    }
}
