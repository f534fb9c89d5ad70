/// What the health endpoint answers. Liveness is the loop's heartbeat alone: a broken dependency must not restart the fleet.
package final class Health: Sendable {
    private struct State {
        var problem: String?
        var hasReceived = false
    }

    private let state = Locked(State())
    private let gate: FleetGate
    private let heartbeat: Heartbeat

    package init(gate: FleetGate, heartbeat: Heartbeat) {
        self.gate = gate
        self.heartbeat = heartbeat
    }

    package func received() {
        state.withLock {
            $0.problem = nil
            $0.hasReceived = true
        }
    }

    package func failed(_ problem: String) { state.withLock { $0.problem = problem } }

    package func isLive(at uptime: Duration) -> Bool {
        heartbeat.age(at: uptime) < Heartbeat.limit || gate.reason != nil
    }

    /// Nil when work can be done; else why not.
    package var obstacle: String? {
        if let reason = gate.reason { return reason }
        return state.withLock { $0.problem ?? ($0.hasReceived ? nil : "nothing has been received yet") }
    }
}

/// When the loop last went round.
package final class Heartbeat: Sendable {
    /// Three of the longest polls, and the time for documents that hold every slot.
    package static let limit = Duration.seconds(900)

    private let last: Locked<Duration>

    package init(_ uptime: Duration) { last = Locked(uptime) }

    package func beat(_ uptime: Duration) { last.withLock { $0 = uptime } }

    package func age(at uptime: Duration) -> Duration { uptime - last.withLock { $0 } }
}
