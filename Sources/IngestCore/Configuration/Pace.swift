import AsyncPrimitives

/// Spreads what is sent over time.
package struct Pace: Sendable {
    private let interval: Duration
    private let time: any TimeSource
    private var next: Duration

    /// - Parameter rate: a second, at most.
    package init(rate: Int, time: any TimeSource) {
        interval = .seconds(1) / rate
        self.time = time
        next = time.uptime
    }

    package mutating func wait() async throws {
        next = max(next, time.uptime - .seconds(1)) + interval
        let wait = next - time.uptime
        if wait > .zero { try await time.sleep(for: wait) }
    }
}
