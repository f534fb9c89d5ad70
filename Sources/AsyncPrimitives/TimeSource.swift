/// Time as a parameter: the same code runs on the machine's clocks and on a virtual one.
package protocol TimeSource: Sendable {
    /// The wall clock.
    var now: Timestamp { get }
    /// Time since some fixed point; never goes back.
    var uptime: Duration { get }
    /// Throws `CancellationError` when the task is cancelled before the time is over.
    func sleep(for duration: Duration) async throws
}

extension TimeSource {
    /// Runs `body` for at most `duration`; then it is cancelled, and `TimeLimitExceeded` thrown.
    package func limit<Value: Sendable>(_ duration: Duration, _ body: @escaping @Sendable () async throws -> Value)
        async throws -> Value
    {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.sleep(for: duration)
                throw TimeLimitExceeded(limit: duration)
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }
}

package struct TimeLimitExceeded: Error, Equatable, CustomStringConvertible {
    package var limit: Duration

    package var description: String { "timed out after \(Int(limit.seconds)) s" }
}

/// The machine's clocks.
package struct SystemTime: TimeSource {
    private let start = ContinuousClock.now

    package init() {}

    package var now: Timestamp { Timestamp.current }
    package var uptime: Duration { ContinuousClock.now - start }

    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

extension Duration {
    /// A number of seconds from outside; nil where it is not finite or negative, two minutes where it is more: no server's header keeps work
    /// waiting for longer than that.
    package init?(checkedSeconds seconds: Double) {
        guard seconds.isFinite, seconds >= 0 else { return nil }
        self = .seconds(min(seconds, 120))
    }

    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
    package var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
