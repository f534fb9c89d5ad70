import AsyncPrimitives
import Observability
import Resilience

/// Retries in place what a dependency failed at, for where releasing the message would pay for the same work again.
package struct RetryBudget: Sendable {
    /// How long in all; zero for one try.
    package var limit: Duration
    package var time: any TimeSource
    package var random: RandomSource
    package var breakers: CircuitBreakers
    package var log: Log
    private static let base = Duration.seconds(1)
    private static let cap = Duration.seconds(30)

    package init(limit: Duration, time: any TimeSource, random: RandomSource, breakers: CircuitBreakers, log: Log) {
        self.limit = limit
        self.time = time
        self.random = random
        self.breakers = breakers
        self.log = log
    }

    /// Waits 1, 2, 4 … 30 s between tries, with jitter. Thrown immediately: faults of the document, and whatever a dependency that is
    /// unavailable answers: the work loop waits for that.
    package func run<Value>(_ work: String, _ operation: () async throws -> Value) async throws -> Value {
        let start = time.uptime
        var attempt = 0
        while true {
            do {
                return try await operation()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                let failure = Failure(error)
                let mayPass = failure.isRetryable || failure.dependency != nil
                guard mayPass, time.uptime < start + limit else { throw error }
                if await breakers.verdict(failure, about: nil, work: work, since: start) == .unavailable { throw error }
                let longest = min(Self.base * (1 << min(attempt, 10)), Self.cap)
                let metadata = ["work": work, "attempt": "\(attempt + 1)", "reason": failure.summary]
                log.warning("attempt failed, retrying in place", metadata)
                try await time.sleep(for: longest * (0.5 + random.unit() / 2))
                attempt += 1
            }
        }
    }
}
