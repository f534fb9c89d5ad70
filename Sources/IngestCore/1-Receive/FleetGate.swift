/// Closed while nothing can succeed: no messages are received, those at hand are tried again in place with growing waits.
package final class FleetGate: Sendable {
    private struct State {
        var reason: String?
        var attempts = 0
        /// Nobody may be left who tries again: what is received next does.
        var isAbandoned = false
        var waiting: [Promise<Void>] = []
    }

    private let state = Locked(State())
    private let log: Log
    private static let base = Duration.seconds(1)
    private static let cap = Duration.seconds(60)

    package init(log: Log) { self.log = log }

    /// Why work is paused; nil while it is not.
    package var reason: String? { state.withLock { $0.reason } }

    /// Closes the gate and says how long to wait before the next try: 1, 2, 4 … 60 s, with jitter.
    package func close(_ reason: String, unit: Double) -> Duration {
        let (isNew, attempts) = state.withLock { state in
            defer {
                state.reason = reason
                state.attempts += 1
                state.isAbandoned = false
            }
            return (state.reason != reason, state.attempts)
        }
        if isNew { log.error("work is paused until this is mended", ["reason": reason]) }
        return min(Self.base * (1 << min(attempts, 10)), Self.cap) * (0.5 + unit / 2)
    }

    /// Something has succeeded.
    package func open() {
        let (wasClosed, waiting) = state.withLock { state in
            defer { state = State() }
            return (state.reason != nil, state.waiting)
        }
        if wasClosed { log.notice("work goes on") }
        for promise in waiting { promise.fulfil(.success(())) }
    }

    /// A job that was trying again has lost its message. Were it the last one, nobody would ever open the gate.
    package func abandon() {
        let waiting = state.withLock { state in
            guard state.reason != nil else { return [Promise<Void>]() }
            defer { state.waiting = [] }
            state.isAbandoned = true
            return state.waiting
        }
        for promise in waiting { promise.fulfil(.success(())) }
    }

    package func waitUntilOpen() async throws {
        let promise: Promise<Void>? = state.withLock { state in
            guard state.reason != nil, !state.isAbandoned else { return nil }
            let promise = Promise<Void>()
            state.waiting.append(promise)
            return promise
        }
        try await promise?.value()
    }
}
