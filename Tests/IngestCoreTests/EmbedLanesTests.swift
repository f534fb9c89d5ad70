import AsyncPrimitives
import IngestCore
import IngestTestKit
import Testing

@Suite struct EmbedLanesTests {
    private let time = VirtualTime()

    private struct Run: Sendable {
        var tenant: String
        var bytes = 1
        var isSlow = false
        /// When it comes, and how long it works, in seconds.
        var at = 0
        var lasts = 100
    }

    /// When each run began, in seconds; negative: when it gave up.
    private func begins(of runs: [Run], documents: Int, bytes: Int = 1000) async -> [Double] {
        let lanes = EmbedLanes(documents: documents, bytes: bytes, time: time)
        let start = time.uptime
        let begins = LockedValue([Double](repeating: 0, count: runs.count))
        await time.flowing { [time] in
            await withDiscardingTaskGroup { group in
                for (place, run) in runs.enumerated() {
                    group.addTask {
                        // One after the other, where they come together.
                        try? await time.sleep(for: .seconds(run.at) + .milliseconds(place))
                        let document = EmbedLanes.Document(tenant: run.tenant, bytes: run.bytes, isSlow: run.isSlow)
                        do {
                            try await lanes.run(document) {
                                begins.withLock { $0[place] = (time.uptime - start).seconds.rounded() }
                                try await time.sleep(for: .seconds(run.lasts))
                            }
                        } catch {
                            #expect(error is EmbedLanes.Busy)
                            begins.withLock { $0[place] = -(time.uptime - start).seconds.rounded() }
                        }
                    }
                }
            }
        }
        return begins.withLock { $0 }
    }

    /// The last place of a worker is another tenant's, and a backlog makes room for it message by message.
    @Test func aTenantHasAllLanesButOne() async {
        let backlog = (0..<4).map { _ in Run(tenant: "a") } + [Run(tenant: "a", at: 6), Run(tenant: "a", at: 7)]
        let found = await begins(
            of: backlog + [Run(tenant: "b", at: 8, lasts: 0), Run(tenant: "a", at: 9)],
            documents: 4
        )
        #expect(found == [0, 0, 0, -5, -6, -7, 8, -9])
    }

    /// There is room in the worker: nothing has to go back.
    @Test func documentsWaitWhileMessagesCanBeReceived() async {
        let runs = (0..<3).map { _ in Run(tenant: "a", bytes: 700, isSlow: true) }
        #expect(await begins(of: runs, documents: 4) == [0, 100, 200])
    }

    /// There is no other tenant to make room for: messages go back into the queue more and more slowly.
    @Test func oneTenantAloneGivesUpSlowly() async {
        let runs = (0..<1500).map { Run(tenant: "a", at: $0 * 6, lasts: 100_000) }
        let found = await begins(of: runs, documents: 2)
        let waits = found.indices.dropFirst(2).map { -found[$0] - Double(runs[$0].at) }
        #expect(waits[10] <= 1 && (5...7).contains(waits.last ?? 0), "\(waits[10]), \(waits.last ?? 0)")
    }

    @Test func aQuickDocumentPassesSlowOnes() async {
        let slow = (0..<2).map { Run(tenant: "\($0)", bytes: 500, isSlow: true) }
        #expect(await begins(of: slow + [Run(tenant: "q", bytes: 200)], documents: 8) == [0, 100, 0])
        // Of slow documents without much memory, all lanes but one are taken.
        let many = (0..<4).map { Run(tenant: "\($0)", isSlow: true) }
        #expect(await begins(of: many + [Run(tenant: "q", at: 6)], documents: 4) == [0, 0, 0, -5, 6])
    }

    /// Quick documents without end leave it its share.
    @Test func aSlowDocumentIsNotStarved() async {
        let quick = (0..<200).map { Run(tenant: "\($0 % 7)", bytes: 240, at: $0 / 4, lasts: 2) }
        let found = await begins(of: quick + [Run(tenant: "s", bytes: 750, isSlow: true, at: 10)], documents: 300)
        #expect((10...13).contains(found[200]), "it began at \(found[200]) s")
        #expect(found.allSatisfy { $0 >= 0 })
    }

    @Test func turnsGoToTheTenantThatHasTheFewest() async {
        let first = (0..<4).map { _ in Run(tenant: "a", bytes: 250, lasts: 10) }
        let waiting = [Run(tenant: "a", bytes: 250), Run(tenant: "b", bytes: 250), Run(tenant: "a", bytes: 250, at: 1)]
        let found = await begins(of: first + waiting + [Run(tenant: "b", bytes: 250, at: 2)], documents: 20)
        #expect(found == [0, 0, 0, 0, 10, 10, 10, 10])
        let one = [Run(tenant: "a", bytes: 750, isSlow: true, lasts: 10)]
        let line = ["a", "a", "b"].map { Run(tenant: $0, bytes: 750, isSlow: true, at: 1, lasts: 10) }
        #expect(await begins(of: one + line, documents: 20) == [0, 20, 30, 10])
    }

    @Test func memoryIsBounded() async throws {
        let lanes = EmbedLanes(documents: 100, bytes: 100, time: time)
        let used = LockedValue((now: 0, most: 0, done: 0))
        try await time.flowing { [time] in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (bytes, isSlow) in [(60, true), (60, true), (30, false), (500, true), (10, false), (10, false)] {
                    group.addTask {
                        try await lanes.run(.init(tenant: "\(bytes)", bytes: bytes, isSlow: isSlow)) {
                            let share = min(bytes, 75)
                            used.withLock { $0 = ($0.now + share, max($0.most, $0.now + share), $0.done) }
                            try await time.sleep(for: .seconds(1))
                            used.withLock { $0 = ($0.now - share, $0.most, $0.done + 1) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(used.withLock { $0.most <= 100 && $0.done == 6 })
    }

    @Test func aCancelledDocumentGivesItsShareBack() async throws {
        let lanes = EmbedLanes(documents: 8, bytes: 10, time: time)
        let all = EmbedLanes.Document(tenant: "t", bytes: 10, isSlow: true)
        try await lanes.run(all) {
            let waiter = Task { try await lanes.run(all) {} }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
        }
        try await lanes.run(all) {}
    }
}
