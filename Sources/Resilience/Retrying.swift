import AsyncPrimitives

/// How often and how long: a pure decision.
package struct RetryPolicy: Sendable {
    package var maximumAttempts: Int
    package var base: Duration
    package var throttledBase: Duration
    package var cap: Duration
    /// The maximum Retry-After that is obeyed; a longer one ends the call. Nil: 5 s more than the own backoff.
    package var maximumRetryAfter: Duration?

    /// The values of the SDKs' 2026 revision: 50 ms for errors, 1 s for throttling, at most 20 s.
    package init(
        maximumAttempts: Int = 3,
        base: Duration = .milliseconds(50),
        throttledBase: Duration = .seconds(1),
        cap: Duration = .seconds(20),
        maximumRetryAfter: Duration? = nil
    ) {
        self.maximumAttempts = maximumAttempts
        self.base = base
        self.throttledBase = throttledBase
        self.cap = cap
        self.maximumRetryAfter = maximumRetryAfter
    }

    /// The wait before attempt `attempt + 1` (attempts count from 1), or nil to give up. Full jitter: `unit` is uniform in [0, 1).
    /// With base 50 ms: at most 50, 100, 200, 400 ms. A server's Retry-After is obeyed, within bounds.
    package func delay(after failure: Failure, attempt: Int, unit: Double) -> Duration? {
        guard attempt < maximumAttempts else { return nil }
        let factor = 1 << min(attempt - 1, 20)
        switch failure {
        case .transient:
            return min(base * factor, cap) * unit
        case .throttled(_, let retryAfter, _):
            let longest = min(throttledBase * factor, cap)
            guard let retryAfter else { return longest * unit }
            let own = longest * unit
            guard let maximumRetryAfter else { return min(max(retryAfter, own), own + .seconds(5)) }
            return retryAfter > maximumRetryAfter ? nil : max(retryAfter, .zero)
        case .document, .fleet:
            return nil
        }
    }
}

/// Tokens for retries, shared by all calls of a client: in a long outage calls fail immediately instead of multiplying.
package final class RetryQuota: Sendable {
    private let capacity: Int
    private let available: LockedValue<Int>

    package init(capacity: Int = 500) {
        self.capacity = capacity
        available = LockedValue(capacity)
    }

    /// A retry after throttling costs 5, any other 14.
    package static func cost(of failure: Failure) -> Int { if case .throttled = failure { 5 } else { 14 } }

    func take(_ cost: Int) -> Bool {
        available.withLock { available in
            guard available >= cost else { return false }
            available -= cost
            return true
        }
    }

    func refund(_ cost: Int) { available.withLock { $0 = min(capacity, $0 + cost) } }
}

/// Runs an operation until it succeeds, fails permanently, or the retry budget is spent.
package struct Retrying: Sendable {
    package var policy: RetryPolicy
    package var quota: RetryQuota
    package var time: any TimeSource
    package var random: RandomSource
    /// Sees every failure, and whether another attempt follows.
    package var observe: (@Sendable (Failure, _ isRetried: Bool) -> Void)?

    package init(
        policy: RetryPolicy = RetryPolicy(),
        quota: RetryQuota = RetryQuota(),
        time: any TimeSource = SystemTime(),
        random: RandomSource = .system,
        observe: (@Sendable (Failure, _ isRetried: Bool) -> Void)? = nil
    ) {
        self.observe = observe
        self.policy = policy
        self.quota = quota
        self.time = time
        self.random = random
    }

    /// - Parameters:
    ///   - isLongPoll: waits even when the quota is empty, so that an idle poller of a broken queue does not spin.
    ///   - operation: gets the number of the attempt, from 1.
    package func run<Value>(isLongPoll: Bool = false, _ operation: (Int) async throws -> Value) async throws -> Value {
        var attempt = 1
        var paid = 0
        while true {
            do {
                let value = try await operation(attempt)
                quota.refund(max(paid, 1))
                return value
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                let failure = Failure(error)
                guard let delay = policy.delay(after: failure, attempt: attempt, unit: random.unit()) else {
                    observe?(failure, false)
                    throw error
                }
                let cost = RetryQuota.cost(of: failure)
                let isPaid = quota.take(cost)
                observe?(failure, isPaid)
                guard isPaid else {
                    if isLongPoll { try await time.sleep(for: delay) }
                    throw error
                }
                paid = cost
                try await time.sleep(for: delay)
                attempt += 1
            }
        }
    }
}
