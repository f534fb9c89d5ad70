import ExtractionWire
import IngestCore
import IngestTestKit
import Testing

/// What is paid for and not yet in the index.
@Suite struct PaidVectorsTests {
    private let document = DocumentID(tenant: "t", object: ObjectReference(bucket: "b", key: "k"))

    private func key(_ generation: Int) -> PaidVectors.Key { PaidVectors.Key(document, generation) }

    @Test func takenOnceAndForOneGenerationOnly() {
        let paid = PaidVectors()
        paid.keep([0: [1, 2], 3: [4, 5]], key(7))
        #expect(paid.take(key(8)).isEmpty)
        #expect(paid.take(key(7)) == [0: [1, 2], 3: [4, 5]])
        #expect(paid.take(key(7)).isEmpty && paid.count == 0)
    }

    @Test func whatIsKeptAddsUp() {
        let paid = PaidVectors()
        paid.keep([0: [1]], key(1))
        paid.keep([1: [2]], key(1))
        paid.keep([:], key(2))
        #expect(paid.count == 1 && paid.take(key(1)) == [0: [1], 1: [2]])
    }

    @Test func theOldestIsForgottenBeyondTheLimit() {
        let paid = PaidVectors(maximumBytes: 4 * 10)
        for generation in 1...3 { paid.keep([0: [1, 2, 3, 4]], key(generation)) }
        #expect(paid.count == 2)
        #expect(paid.take(key(1)).isEmpty && !paid.take(key(2)).isEmpty && !paid.take(key(3)).isEmpty)
    }

    /// Virtual time: what only time can mend is tried again, what is ours or the fleet's is not.
    @Test func patienceHasItsLimitAndItsKinds() async throws {
        let time = VirtualTime()
        let patience = Patience(
            limit: .seconds(60),
            time: time,
            random: RandomSource { 0 },
            breakers: LoopEnvironment.test(time: time).breakers
        )
        let tries = Locked(0)
        let failing = { @Sendable (failure: Failure) async in
            try? await patience.run("work") {
                tries.withLock { $0 += 1 }
                throw failure
            }
        }
        await time.flowing { await failing(.transient("503")) }
        // 0.5, 1, 2, 4, 8, 15, 15, 15 s between them.
        #expect(tries.withLock { $0 } == 9)
        for failure in [Failure.fleet("no credit"), .document(Rejection(.indexRefused, "refused"))] {
            tries.withLock { $0 = 0 }
            await time.flowing { await failing(failure) }
            #expect(tries.withLock { $0 } == 1)
        }
    }
}
