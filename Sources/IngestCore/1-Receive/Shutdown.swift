/// The two stages of stopping: take nothing new; then drop what is unfinished.
package final class Shutdown: Sendable {
    package enum Stage: Int, Comparable, Sendable {
        case running
        case stopping
        case now

        package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    private struct State {
        var stage = Stage.running
        var waiting: [(stage: Stage, promise: Promise<Void>)] = []
    }

    private let state = Locked(State())

    package init() {}

    package var stage: Stage { state.withLock { $0.stage } }

    package var isStopping: Bool { stage >= .stopping }

    /// Goes to `stage`; never back.
    package func enter(_ stage: Stage) {
        let reached = state.withLock { state in
            guard stage > state.stage else { return [Promise<Void>]() }
            state.stage = stage
            let reached = state.waiting.filter { $0.stage <= stage }.map(\.promise)
            state.waiting.removeAll { $0.stage <= stage }
            return reached
        }
        for promise in reached { promise.fulfil(.success(())) }
    }

    /// Waits until `stage` is reached, or throws when the task is cancelled.
    package func wait(for stage: Stage) async throws {
        let promise: Promise<Void>? = state.withLock { state in
            guard state.stage < stage else { return nil }
            let promise = Promise<Void>()
            state.waiting.append((stage, promise))
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            state.withLock { $0.waiting.removeAll { $0.promise === promise } }
            throw error
        }
    }

    /// Runs `body` until it ends or `stage` is reached; nil in the second case, with `body` cancelled.
    package func run<Value: Sendable>(until stage: Stage, _ body: @escaping @Sendable () async throws -> Value)
        async throws -> Value?
    {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.wait(for: stage)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
