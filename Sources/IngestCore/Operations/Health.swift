import AsyncPrimitives
import Observability
import TextCoding

/// What the health endpoint returns. Liveness is the heartbeat alone: a broken dependency must not restart the fleet.
package final class Health: Sendable {
    private struct State {
        var problem: String?
        var hasReceived = false
    }

    private let state = LockedValue(State())
    private let breakers: CircuitBreakers
    private let heartbeat: Heartbeat
    private let gate: OperatorGate

    package init(breakers: CircuitBreakers, heartbeat: Heartbeat, gate: OperatorGate) {
        self.breakers = breakers
        self.heartbeat = heartbeat
        self.gate = gate
    }

    package func received() {
        state.withLock {
            $0.problem = nil
            $0.hasReceived = true
        }
    }

    package func failed(_ problem: String) { state.withLock { $0.problem = problem } }

    package func isLive(at uptime: Duration) -> Bool {
        heartbeat.isRegular(at: uptime)
    }

    /// Nil when work can be done; else why not.
    package var notReadyReason: String? {
        let reason =
            breakers.open.first.map { "paused: \($0.dependency): \($0.reason)" } ?? gate.reason
            ?? state.withLock { $0.problem ?? ($0.hasReceived ? nil : "nothing has been received yet") }
        return reason.map { KnownSecrets.shared.masked($0).printable }
    }
}

/// The watchdog's measure: leases are checked all the time, and no poll lasts for ever.
package final class Heartbeat: Sendable {
    private struct State {
        var last: Duration
        var pollEnd: Duration?
    }

    /// Longer than the keeper of leases ever needs for one round: a call with its retries.
    package static let limit = Duration.seconds(120)

    private let state: LockedValue<State>

    package init(_ uptime: Duration) { state = LockedValue(State(last: uptime)) }

    package func beat(_ uptime: Duration) { state.withLock { $0.last = uptime } }

    /// A poll has begun, which must have ended by then; nil: it has.
    package func poll(until end: Duration?) { state.withLock { $0.pollEnd = end } }

    package func isRegular(at uptime: Duration) -> Bool {
        state.withLock { uptime - $0.last < Self.limit && uptime <= $0.pollEnd ?? uptime }
    }
}
