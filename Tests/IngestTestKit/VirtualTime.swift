import AsyncPrimitives
import IngestCore

/// A clock that stands still until it is advanced; a sleeping task is woken when its time has come.
package final class VirtualTime: TimeSource {
    private struct State {
        var uptime = Duration.zero
        var sleepers: [(due: Duration, promise: Promise<Void>)] = []
    }

    private let start: Timestamp
    private let state = LockedValue(State())

    package init(start: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) { self.start = start }

    package var now: Timestamp { start.advanced(by: uptime) }
    package var uptime: Duration { state.withLock { $0.uptime } }

    package func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return }
        let promise = Promise<Void>()
        state.withLock { $0.sleepers.append(($0.uptime + duration, promise)) }
        try await promise.value()
    }

    /// Advances to the next time that a task waits for, but not beyond `limit`. False when no task waits.
    package func advance(upTo limit: Duration = .seconds(1_000_000)) -> Bool {
        let due: [Promise<Void>]? = state.withLock { state in
            guard let next = state.sleepers.map(\.due).min(), next <= limit else { return nil }
            state.uptime = max(state.uptime, next)
            let due = state.sleepers.filter { $0.due <= next }.map(\.promise)
            state.sleepers.removeAll { $0.due <= next }
            return due
        }
        for promise in due ?? [] { promise.fulfil(.success(())) }
        return due != nil
    }

    /// Runs `body` while time flows as fast as the tasks allow.
    package func flowing<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async rethrows -> Value
    {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !Task.isCancelled {
                    for _ in 0..<200 { await Task.yield() }
                    // A thread of the pool that the system has preempted needs real time to go on.
                    try? await Task.sleep(for: .microseconds(200))
                    _ = self.advance()
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next()!!
        }
    }
}
