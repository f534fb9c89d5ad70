/// Closed, then open for ever. Any number of tasks may wait, one after the other or at once.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Promise<Void>] = []
    }

    private let state = LockedValue(State())

    package init() {}

    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for promise in waiting { promise.fulfil(.success(())) }
    }

    /// Throws when the task is cancelled first.
    package func wait() async throws {
        let promise: Promise<Void>? = state.withLock { state in
            guard !state.isOpen else { return nil }
            let promise = Promise<Void>()
            state.waiting.append(promise)
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            state.withLock { $0.waiting.removeAll { $0 === promise } }
            throw error
        }
    }
}
