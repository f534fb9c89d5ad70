import AsyncPrimitives
import Observability
import Resilience

/// The limits of an account that all workers with it share.
///
/// By lease a worker takes a quarter of a second of the account's limits at a time out of a record in the cluster, so that a busy worker has what idle ones leave. By share each worker
/// has an equal part and looks into the record only to count the workers. While the cluster does not answer, a worker has its equal part in either case.
package final class FleetBudget: RequestBudget {
    package enum Sharing: String, CaseIterable, Sendable {
        case lease, share
    }

    private struct State {
        /// What was leased and is not used yet.
        var tokens = 0
        var requests = 0
        /// From when it may be used, and until when: what is left then was not needed.
        var start = Duration.zero
        var end = Duration.zero
        /// As it was when this worker looked last.
        var stored: StoredAllowance?
        var lookedAt: Duration?
        var workers = 1
        /// The worker's own part.
        var own = Allowance()
        var learned = AccountLimits()
        var pausedUntil: Timestamp?
    }

    private let sharing: Sharing
    private let configured: AccountLimits
    private let store: any AllowanceStore
    private let worker: String
    private let environment: Environment
    private let turn = AsyncSemaphore(1)
    private let state = LockedValue(State())

    /// What it needs of the program.
    package struct Environment: Sendable {
        var time: any TimeSource
        var random: RandomSource
        var log: Log

        package init(time: any TimeSource, random: RandomSource, log: Log) {
            (self.time, self.random, self.log) = (time, random, log)
        }
    }

    /// How long what was leased is kept.
    private static let keepTime = Duration.seconds(10)
    /// How often a worker looks for limits that are not known yet, and for the number of workers.
    private static let period = Duration.seconds(10)
    private static let settling = Duration.seconds(2)
    private static let attempts = 20

    /// - Parameters:
    ///   - limits: as they are set; what is nil is learned from the provider.
    ///   - worker: its name among those that share the account.
    package init(
        _ sharing: Sharing,
        limits: AccountLimits,
        store: any AllowanceStore,
        worker: String,
        environment: Environment
    ) {
        self.sharing = sharing
        configured = limits
        self.store = store
        self.worker = worker
        self.environment = environment
    }

    private var time: any TimeSource { environment.time }

    package var limits: AccountLimits { state.withLock { limits($0) } }

    private func limits(_ state: State) -> AccountLimits {
        configured.completed(by: state.learned).completed(by: state.stored?.allowance.limits ?? AccountLimits())
    }

    package func learn(_ limits: AccountLimits) {
        guard limits.isKnown else { return }
        state.withLock { $0.learned = limits.completed(by: $0.learned) }
    }

    package func pause(for duration: Duration) {
        let end = time.now.advanced(by: duration)
        state.withLock { state in
            state.pausedUntil = max(state.pausedUntil ?? end, end)
            state.own.pause(until: end)
            (state.tokens, state.requests) = (0, 0)
        }
    }

    /// The worker ends: the others share what it had.
    package func leave() async {
        do {
            guard let stored = try await store.read() else { return }
            var allowance = stored.allowance
            allowance.workers[worker] = nil
            _ = try await store.write(allowance, replacing: stored)
        } catch {
            environment.log.debug("the account's budget cannot be written", ["error": Failure(error).summary])
        }
    }

    package func take(tokens: Int) async throws {
        try await turn.acquire()
        defer { turn.release() }
        if sharing == .share, state.withLock({ $0.lookedAt == nil }) {
            try await look()
            // Workers that start together see each other then.
            try await time.sleep(for: Self.settling)
            state.withLock { $0.lookedAt = .zero - Self.period }
        }
        if !limits.isKnown || sharing == .share { try await look() }
        guard limits.isKnown else { return }
        if !has(tokens) { try await refill(tokens) }
        let wait = state.withLock { $0.start } - time.uptime
        if wait > .zero { try await time.sleep(for: wait) }
        state.withLock { state in
            state.tokens -= tokens
            state.requests -= 1
        }
    }

    private func has(_ tokens: Int) -> Bool {
        state.withLock { state in
            if state.end < time.uptime { (state.tokens, state.requests) = (0, 0) }
            let limits = self.limits(state)
            return (limits.tokensPerMinute == nil || state.tokens >= tokens)
                && (limits.requestsPerMinute == nil || state.requests >= 1)
        }
    }

    private func refill(_ tokens: Int) async throws {
        let left = state.withLock { $0 }
        let limits = self.limits(left).withMargin
        let wanted = limits.block(for: tokens - left.tokens, requests: 1 - left.requests)
        var wait: Duration?
        if sharing == .lease { wait = try await lease(wanted.tokens, wanted.requests, limits) }
        let granted = wait
        state.withLock { state in
            let wait =
                granted
                ?? state.own.grant(
                    tokens: wanted.tokens,
                    requests: wanted.requests,
                    of: limits.divided(by: state.workers),
                    at: time.now
                )
            state.tokens += wanted.tokens
            state.requests += wanted.requests
            state.start = time.uptime + wait
            state.end = state.start + Self.keepTime
        }
    }

    /// Nil where the cluster does not answer.
    private func lease(_ tokens: Int, _ requests: Int, _ limits: AccountLimits) async throws -> Duration? {
        do {
            return try await update { allowance, now in
                allowance.grant(tokens: tokens, requests: requests, of: limits, at: now)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let workers = state.withLock { state in
                state.stored = nil
                return state.workers
            }
            environment.log.warning(
                "the account's budget cannot be read; this worker takes its equal part",
                ["workers": "\(workers)", "error": Failure(error).summary]
            )
            return nil
        }
    }

    /// Learns what others know, and how many they are.
    private func look() async throws {
        let isDue = state.withLock { state in
            if let last = state.lookedAt, last + Self.period > time.uptime { return false }
            state.lookedAt = time.uptime
            return true
        }
        guard isDue else { return }
        do {
            try await update { _, _ in }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            environment.log.debug("the account's budget cannot be read", ["error": Failure(error).summary])
        }
    }

    /// Changes the record. Another's write in between is read, and the change made again.
    private func update<Value: Sendable>(_ change: @Sendable (inout Allowance, Timestamp) -> Value) async throws
        -> Value
    {
        var stored = state.withLock { $0.stored }
        for attempt in 0..<Self.attempts {
            if stored == nil { stored = try await store.read() }
            let now = time.now
            var allowance = stored?.allowance ?? Allowance()
            allowance.note(worker, at: now)
            let paused = state.withLock { $0.pausedUntil }
            state.withLock { state in
                allowance.limits = configured.completed(by: state.learned).completed(by: allowance.limits)
                if let end = paused { allowance.pause(until: end) }
            }
            let value = change(&allowance, now)
            if let written = try await store.write(allowance, replacing: stored) {
                state.withLock { state in
                    state.stored = written
                    state.workers = max(1, written.allowance.workers.count)
                    if state.pausedUntil == paused { state.pausedUntil = nil }
                }
                return value
            }
            stored = nil
            try await time.sleep(for: .milliseconds(5 * (attempt + 1)) * environment.random.unit())
        }
        throw Failure.transient("\(Self.attempts) writes of the account's budget met others' writes")
    }
}
