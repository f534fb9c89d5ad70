/// A number of bytes that jobs share. Each takes its share once and gives it back at its end, so that none waits while it holds some.
package final class ByteBudget: Sendable {
    private struct State {
        var free: Int
        var waiting: [(weight: Int, promise: Promise<Void>)] = []
    }

    private let total: Int
    private let state: LockedValue<State>

    package init(_ total: Int) {
        self.total = total
        state = LockedValue(State(free: total))
    }

    /// Runs `body` with `weight` bytes of the budget, in the order of the calls; a heavier body takes all of it. Throws when the task is
    /// cancelled while it waits.
    package func run<Value>(_ weight: Int, _ body: () async throws -> Value) async throws -> Value {
        let weight = min(max(weight, 0), total)
        try await acquire(weight)
        defer { release(weight) }
        return try await body()
    }

    private func acquire(_ weight: Int) async throws {
        let promise: Promise<Void>? = state.withLock { state in
            if state.waiting.isEmpty, state.free >= weight {
                state.free -= weight
                return nil
            }
            let promise = Promise<Void>()
            state.waiting.append((weight, promise))
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            // Either still in line, or the share was given just before the cancellation: then it goes back.
            let wasGiven = state.withLock { state in
                guard let place = state.waiting.firstIndex(where: { $0.promise === promise }) else { return true }
                state.waiting.remove(at: place)
                return false
            }
            release(wasGiven ? weight : 0)
            throw error
        }
    }

    private func release(_ weight: Int) {
        let next = state.withLock { state in
            state.free += weight
            var next: [Promise<Void>] = []
            while let first = state.waiting.first, state.free >= first.weight {
                state.free -= first.weight
                next.append(first.promise)
                state.waiting.removeFirst()
            }
            return next
        }
        for promise in next { promise.fulfil(.success(())) }
    }
}
