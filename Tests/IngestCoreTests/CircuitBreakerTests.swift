import AsyncPrimitives
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

/// Evidence before a verdict: what a failure is about, and who waits.
@Suite struct CircuitBreakerTests {
    let time = VirtualTime()
    let isDown = LockedValue(false)
    let probes = LockedValue(0)
    let log = CollectingLog()

    private var breakers: CircuitBreakers {
        LoopEnvironment.test(time: time, sink: log) { [isDown, probes] dependency, _ in
            probes.withLock { $0 += 1 }
            if isDown.withLock({ $0 }) { throw Failure.transient("the probe of \(dependency) fails") }
        }.breakers
    }

    private func verdict(_ breakers: CircuitBreakers, _ failure: Failure, _ work: String = "m1") async
        -> CircuitBreakers.Verdict
    {
        await breakers.verdict(failure, about: nil, work: work, since: .zero)
    }

    @Test func aFailureIsTheMessagesWhileTheProbeSucceeds() async {
        let breakers = breakers
        #expect(await verdict(breakers, .transient("503", of: .index)) == .message)
        #expect(await verdict(breakers, .fleet("403", of: .bucket("b"))) == .message)
        #expect(await verdict(breakers, .transient("a bug")) == .message)
        #expect(breakers.open.isEmpty)
    }

    @Test func aProbeThatFailsOpensTheBreakerOfThatDependencyAlone() async throws {
        let breakers = breakers
        isDown.withLock { $0 = true }
        #expect(await verdict(breakers, .transient("503", of: .bucket("b"))) == .unavailable)
        #expect(breakers.open.map(\.dependency) == [.bucket("b")])
        #expect(breakers.readings.map(\.label) == ["bucket:b"])
        #expect(throws: Failure.self) { try breakers.check(.bucket("b")) }
        #expect(throws: Never.self) { try breakers.check(.bucket("other")) }
        // A bucket does not stop the receiving: this returns immediately.
        try await breakers.waitUntilEssentialsClosed()
    }

    @Test func onlyTheProbeIsRetriedAndItClosesTheBreaker() async throws {
        let breakers = breakers
        isDown.withLock { $0 = true }
        #expect(await verdict(breakers, .transient("503", of: .ledger)) == .unavailable)
        let begin = probes.withLock { $0 }
        let (time, isDown) = (time, isDown)
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await breakers.waitUntilEssentialsClosed() } }
                group.addTask {
                    try await time.sleep(for: .seconds(600))
                    isDown.withLock { $0 = false }
                }
                try await group.waitForAll()
            }
        }
        #expect((600...680).contains(time.uptime.seconds), "\(time.uptime)")
        #expect(breakers.open.isEmpty)
        #expect(probes.withLock { $0 } - begin < 25, "eight waiters share one probe")
        let lines = log.lines.filter { $0.level >= .notice }.map(\.message)
        #expect(lines == ["processing paused: dependency unavailable", "processing resumed"])
    }

    @Test func refusalsOfSeveralDocumentsAreEvidenceUntilOneSucceeds() async {
        let breakers = breakers
        for work in ["m1", "m2"] {
            #expect(await verdict(breakers, .fleet("index full", of: .index), work) == .undecided)
        }
        #expect(breakers.open.isEmpty)
        #expect(await verdict(breakers, .fleet("index full", of: .index), "m3") == .undecided)
        #expect(breakers.open.map(\.dependency) == [.index], "three in a row are reported")
        breakers.succeeded(.index, by: "m4")
        #expect(breakers.open.isEmpty)
        #expect(
            await verdict(breakers, .fleet("index full", of: .index), "m1") == .message,
            "another one has succeeded"
        )
    }

    @Test func successesOfTheSameWorkProveNothing() async {
        let breakers = breakers
        breakers.succeeded(.index, by: "m1")
        #expect(await verdict(breakers, .fleet("403", of: .index), "m1") == .undecided)
        #expect(await verdict(breakers, .fleet("403", of: .index), "m2") == .message)
    }
}
