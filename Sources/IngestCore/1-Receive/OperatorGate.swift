import AsyncPrimitives
import Observability

/// Closed while an operator has paused the worker's kind: nothing is received; what is in flight is finished.
package final class OperatorGate: Sendable {
    private struct Closed {
        var reason: String
        let latch = Latch()
    }

    private let closed = LockedValue<Closed?>(nil)

    package init() {}

    /// Why it is closed; nil while it is open.
    package var reason: String? { closed.withLock { $0?.reason } }

    package var readings: [Metrics.Reading] { reason == nil ? [] : [Metrics.Reading(.paused, "operator", 1)] }

    /// - Returns: whether it was open.
    @discardableResult package func close(_ reason: String) -> Bool {
        closed.withLock { closed in
            guard closed == nil else {
                closed?.reason = reason
                return false
            }
            closed = Closed(reason: reason)
            return true
        }
    }

    /// - Returns: whether it was closed.
    @discardableResult package func open() -> Bool {
        let was = closed.withLock { closed in
            defer { closed = nil }
            return closed
        }
        was?.latch.open()
        return was != nil
    }

    /// Throws when the task is cancelled first.
    package func waitUntilOpen() async throws {
        while let latch = closed.withLock({ $0?.latch }) { try await latch.wait() }
    }
}
