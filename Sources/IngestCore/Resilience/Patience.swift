/// Tries again in place what only time can mend, for where giving the message back would pay for the same work again.
package struct Patience: Sendable {
    /// How long in all; zero for one try.
    package var limit: Duration
    package var time: any TimeSource
    package var random: RandomSource
    private static let base = Duration.seconds(1)
    private static let cap = Duration.seconds(30)

    package init(limit: Duration, time: any TimeSource, random: RandomSource) {
        self.limit = limit
        self.time = time
        self.random = random
    }

    /// Waits 1, 2, 4 … 30 s between tries, with jitter. Faults of the fleet and of the document are thrown at once.
    package func run<Value>(_ operation: () async throws -> Value) async throws -> Value {
        let end = time.uptime + limit
        var attempt = 0
        while true {
            do {
                return try await operation()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                guard Failure(error).isPassing, time.uptime < end else { throw error }
                let longest = min(Self.base * (1 << min(attempt, 10)), Self.cap)
                try await time.sleep(for: longest * (0.5 + random.unit() / 2))
                attempt += 1
            }
        }
    }
}
