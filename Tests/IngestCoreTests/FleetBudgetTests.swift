import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

/// One record, as the cluster keeps it; an outage can be switched on.
private final class AllowanceRecord: AllowanceStore {
    private struct State {
        var stored: StoredAllowance?
        var fails = false
        var writes = 0
    }
    private let state = LockedValue(State())

    var fails: Bool {
        get { state.withLock(\.fails) }
        set { state.withLock { $0.fails = newValue } }
    }
    var writes: Int { state.withLock(\.writes) }
    func damage(_ change: (inout Allowance) -> Void) {
        state.withLock { state in
            guard var stored = state.stored else { return }
            change(&stored.allowance)
            state.stored = StoredAllowance(stored.allowance, sequenceNumber: stored.sequenceNumber + 1, primaryTerm: 1)
        }
    }

    func read() async throws -> StoredAllowance? {
        try state.withLock { state in
            if state.fails { throw Failure.transient("no connection") }
            return state.stored
        }
    }

    func write(_ allowance: Allowance, replacing: StoredAllowance?) async throws -> StoredAllowance? {
        try state.withLock { state in
            if state.fails { throw Failure.transient("no connection") }
            guard state.stored?.sequenceNumber == replacing?.sequenceNumber else { return nil }
            let number = (replacing?.sequenceNumber ?? 0) + 1
            state.stored = StoredAllowance(allowance, sequenceNumber: number, primaryTerm: 1)
            state.writes += 1
            return state.stored
        }
    }
}

@Suite struct FleetBudgetTests {
    private static let limit = 1_000_000

    private let time = VirtualTime()
    private let record = AllowanceRecord()

    private func budget(
        _ number: Int,
        _ sharing: FleetBudget.Sharing = .lease,
        limits: AccountLimits = AccountLimits(tokensPerMinute: limit)
    ) -> FleetBudget {
        FleetBudget(
            sharing,
            limits: limits,
            store: record,
            worker: "worker-\(number)",
            environment: FleetBudget.Environment(
                time: time,
                random: RandomSource.seeded(UInt64(number) + 1),
                log: Log(label: "test", level: .debug, sink: CollectingLog(), time: time)
            )
        )
    }

    /// Every worker sends requests of these sizes, one after the other; when and how much each sent.
    private func sent(
        by budgets: [FleetBudget],
        for duration: Duration,
        size: @escaping @Sendable (RandomSource) -> Int
    ) async throws -> [(at: Duration, tokens: Int)] {
        let sent = LockedValue([(at: Duration, tokens: Int)]())
        let time = time
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, budget) in budgets.enumerated() {
                    group.addTask {
                        let random = RandomSource.seeded(UInt64(number))
                        while time.uptime < duration {
                            let tokens = size(random)
                            try await budget.take(tokens: tokens)
                            sent.withLock { $0.append((time.uptime, tokens)) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        return sent.withLock { $0.sorted { $0.at < $1.at } }
    }

    /// The most that was sent in any time beyond what the limit yields in it.
    private func excess(_ sent: [(at: Duration, tokens: Int)], limit: Int) -> Double {
        var least = 0.0
        var total = 0.0
        var most = 0.0
        for (at, tokens) in sent {
            let yielded = at.seconds / 60 * Double(limit)
            least = min(least, total - yielded)
            total += Double(tokens)
            most = max(most, total - yielded - least)
        }
        return most
    }

    @Test(arguments: [1, 2, 8, 40], [FleetBudget.Sharing.lease, .share])
    func workersUseOneLimitTogether(_ workers: Int, _ sharing: FleetBudget.Sharing) async throws {
        let budgets = (0..<workers).map { budget($0, sharing) }
        let sent = try await sent(by: budgets, for: .seconds(180)) { random in 500 + Int(random.unit() * 4000) }
        let inTime = sent.filter { $0.at < .seconds(180) }
        let use = Double(inTime.reduce(0) { $0 + $1.tokens }) / Double(3 * Self.limit)
        #expect(use > 0.97, "\(workers) workers by \(sharing): \(use)")
        // Half a second unused, and what each may send at once.
        let most = Double(Self.limit) / 120 + Double(workers) * 4500
        #expect(excess(inTime, limit: Self.limit) <= most)
    }

    @Test func aBusyWorkerHasWhatIdleOnesLeave() async throws {
        let budgets = (0..<8).map { budget($0) }
        for budget in budgets { try await time.flowing { try await budget.take(tokens: 100) } }
        let sent = try await sent(by: [budgets[3]], for: .seconds(60)) { _ in 4000 }
        #expect(sent.reduce(0) { $0 + $1.tokens } > Self.limit * 97 / 100)
    }

    @Test func requestsHaveALimitOfTheirOwn() async throws {
        let budgets = (0..<4).map {
            budget($0, limits: AccountLimits(tokensPerMinute: Self.limit, requestsPerMinute: 600))
        }
        let sent = try await sent(by: budgets, for: .seconds(60)) { _ in 10 }
        #expect((570...620).contains(sent.count), "\(sent.count)")
    }

    @Test func smallRequestsNeedNoLeaseEach() async throws {
        let budgets = (0..<4).map { budget($0) }
        let sent = try await sent(by: budgets, for: .seconds(10)) { _ in 50 }
        #expect(sent.count > 3000)
        #expect(record.writes < 60, "\(record.writes) writes")
    }

    @Test func withoutALimitNothingWaits() async throws {
        let budget = budget(0, limits: AccountLimits())
        for _ in 0..<100 { try await time.flowing { try await budget.take(tokens: 100_000) } }
        #expect(time.uptime < .seconds(1))
    }

    @Test func limitsThatOneLearnsHoldForAll() async throws {
        let first = budget(0, limits: AccountLimits())
        let second = budget(1, limits: AccountLimits())
        first.learn(AccountLimits(tokensPerMinute: 60_000))
        try await time.flowing {
            try await first.take(tokens: 500)
            try await second.take(tokens: 500)
        }
        #expect(second.limits.tokensPerMinute == 60_000)
        let sent = try await sent(by: [second], for: .seconds(60)) { _ in 500 }
        #expect(sent.reduce(0) { $0 + $1.tokens } < 62_000)
    }

    @Test func duringAnOutageEachHasItsPart() async throws {
        let budgets = (0..<4).map { budget($0) }
        _ = try await sent(by: budgets, for: .seconds(10)) { _ in 2000 }
        record.fails = true
        let begin = time.uptime
        let later = try await sent(by: budgets, for: begin + .seconds(60)) { _ in 2000 }
        let tokens = later.filter { $0.at > begin }.reduce(0) { $0 + $1.tokens }
        #expect((Self.limit * 95 / 100...Self.limit * 105 / 100).contains(tokens), "\(tokens)")
    }

    @Test func aRefusalMakesTheWholeFleetWait() async throws {
        let (first, second) = (budget(0), budget(1))
        try await time.flowing {
            try await first.take(tokens: 4000)
            try await second.take(tokens: 4000)
        }
        first.pause(for: .seconds(20))
        let begin = time.uptime
        try await time.flowing { try await first.take(tokens: 4000) }
        #expect(time.uptime >= begin + .seconds(20))
        try await time.flowing { try await second.take(tokens: 4000) }
        #expect(time.uptime >= begin + .seconds(20))
    }

    @Test func workersThatEndedLeaveTheirPart() async throws {
        let budgets = (0..<4).map { budget($0, .share) }
        _ = try await sent(by: budgets, for: .seconds(5)) { _ in 2000 }
        for budget in budgets.dropFirst() { await budget.leave() }
        let begin = time.uptime
        let later = try await sent(by: [budgets[0]], for: begin + .seconds(120)) { _ in 2000 }
        let tokens = later.filter { $0.at > begin + .seconds(60) }.reduce(0) { $0 + $1.tokens }
        #expect(tokens > Self.limit * 95 / 100, "\(tokens)")
    }

    @Test func aDamagedRecordStopsNothing() async throws {
        let budget = budget(0)
        try await time.flowing { try await budget.take(tokens: 4000) }
        for value in [Int.max / 2, -1, Int.min / 2] {
            record.damage {
                ($0.tokensEarned, $0.requestsEarned) = (value, value)
                $0.workers = ["": .max, "b": .min]
            }
            let begin = time.uptime
            for _ in 0..<10 { try await time.flowing { try await budget.take(tokens: 4000) } }
            #expect(time.uptime - begin < .seconds(10))
        }
    }

    @Test func aCancelledRequestHoldsNoOtherUp() async throws {
        let budget = budget(0)
        let time = time
        try await time.flowing {
            try await budget.take(tokens: 100_000)
            let waiting = Task { try await budget.take(tokens: 100_000) }
            try await time.sleep(for: .milliseconds(10))
            waiting.cancel()
            _ = await waiting.result
            try await budget.take(tokens: 1000)
        }
        #expect(time.uptime < .seconds(15))
    }
}
