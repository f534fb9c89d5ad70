import AsyncPrimitives

/// The two stages of stopping: take nothing new; then drop what is unfinished.
package final class Shutdown: Sendable {
    package enum Stage: Int, Comparable, Sendable {
        case running
        case stopping
        case now

        package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    private let stopping = Latch()
    private let ending = Latch()
    private let reached = LockedValue(Stage.running)

    package init() {}

    package var stage: Stage { reached.withLock { $0 } }

    package var isStopping: Bool { stage >= .stopping }

    /// Goes to `stage`; never back.
    package func enter(_ stage: Stage) {
        reached.withLock { $0 = max($0, stage) }
        if stage >= .stopping { stopping.open() }
        if stage >= .now { ending.open() }
    }

    /// Waits until `stage` is reached, or throws when the task is cancelled.
    package func wait(for stage: Stage) async throws {
        switch stage {
        case .running: return
        case .stopping: try await stopping.wait()
        case .now: try await ending.wait()
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
