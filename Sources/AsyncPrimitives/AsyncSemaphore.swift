/// A number of permits that tasks share, in the order of their calls.
package final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [(permits: Int, promise: Promise<Void>)] = []
    }

    package let count: Int
    private let state: LockedValue<State>

    package init(_ count: Int) {
        self.count = count
        state = LockedValue(State(free: count))
    }

    package var free: Int { state.withLock { $0.free } }

    /// Takes permits, or throws when the task is cancelled while it waits. More than there are would wait for ever.
    package func acquire(_ permits: Int = 1) async throws {
        let promise: Promise<Void>? = state.withLock { state in
            if Self.take(permits, &state) { return nil }
            let promise = Promise<Void>()
            state.waiting.append((permits, promise))
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            // Either still in line, or the permits were granted just before the cancellation: then they must be returned.
            let wasGranted = state.withLock { state in
                guard let place = state.waiting.firstIndex(where: { $0.promise === promise }) else { return true }
                state.waiting.remove(at: place)
                return false
            }
            release(wasGranted ? permits : 0)
            throw error
        }
    }

    /// Takes a permit if one is free now.
    package func tryAcquire() -> Bool { state.withLock { Self.take(1, &$0) } }

    package func release(_ permits: Int = 1) {
        let next = state.withLock { state in
            state.free += permits
            var next: [Promise<Void>] = []
            while let first = state.waiting.first, state.free >= first.permits {
                state.free -= first.permits
                next.append(first.promise)
                state.waiting.removeFirst()
            }
            return next
        }
        for promise in next { promise.fulfil(.success(())) }
    }

    private static func take(_ permits: Int, _ state: inout State) -> Bool {
        guard state.waiting.isEmpty, state.free >= permits else { return false }
        state.free -= permits
        return true
    }
}
