import AsyncPrimitives
import Observability

/// How old the messages are that arrive: what a queue itself does not say.
package final class MessageAges: Sendable {
    private struct State {
        var oldest: [(at: Duration, age: Double)] = []
        var lastReceive: Duration?
    }

    private static let window = Duration.seconds(60)
    private let state = LockedValue(State())

    package init() {}

    package func received(_ deliveries: [Delivery], at uptime: Duration) {
        let age = deliveries.map { $0.received.duration(since: MessageCopy.firstSent($0)).seconds }.max()
        state.withLock { state in
            state.lastReceive = uptime
            guard let age else { return }
            // Only what is older than all that came after it can become the oldest of the window.
            state.oldest.removeAll { $0.age <= age || $0.at < uptime - Self.window }
            state.oldest.append((uptime, age))
        }
    }

    package func readings(at uptime: Duration) -> [Metrics.Reading] {
        state.withLock { state in
            let oldest = state.oldest.first { $0.at >= uptime - Self.window }?.age ?? 0
            return [Metrics.Reading(.oldestMessage, nil, max(0, oldest))]
                + (state.lastReceive.map { [Metrics.Reading(.lastPoll, nil, (uptime - $0).seconds)] } ?? [])
        }
    }
}
