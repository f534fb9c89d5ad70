/// A fixed number of permits. A task that finds none waits in line.
package final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [Promise<Void>] = []
    }

    package let count: Int
    private let state: LockedValue<State>

    package init(_ count: Int) {
        self.count = count
        state = LockedValue(State(free: count))
    }

    package var free: Int { state.withLock { $0.free } }

    /// Takes one place, or throws when the task is cancelled.
    package func acquire() async throws {
        let promise: Promise<Void>? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            let promise = Promise<Void>()
            state.waiting.append(promise)
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            // Either still in line, or the permit was granted just before the cancellation: then it must be returned.
            let wasHandedOver = state.withLock { state in
                guard let index = state.waiting.firstIndex(where: { $0 === promise }) else { return true }
                state.waiting.remove(at: index)
                return false
            }
            if wasHandedOver { release() }
            throw error
        }
    }

    /// Takes a further place if one is free now.
    package func tryAcquire() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    package func release() {
        let next: Promise<Void>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.fulfil(.success(()))
    }
}
