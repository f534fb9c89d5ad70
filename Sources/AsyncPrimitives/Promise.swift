/// A value that one task waits for and another provides, once. A cancelled waiter stops waiting immediately.
package final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, any Error>)
        case fulfilled(Result<Value, any Error>)
        case taken
    }

    private let state = LockedValue(State.empty)

    package init() {}

    /// Provides the value. Later calls have no effect.
    package func fulfil(_ result: Result<Value, any Error>) {
        let waiter: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .empty:
                state = .fulfilled(result)
                return nil
            case .awaited(let continuation):
                state = .taken
                return continuation
            case .fulfilled, .taken:
                return nil
            }
        }
        waiter?.resume(with: result)
    }

    /// Waits for the value. At most one task may wait.
    package func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await uncancelledValue()
        } onCancel: {
            fulfil(.failure(CancellationError()))
        }
    }

    /// Waits for the value even in a task that is cancelled.
    package func uncancelledValue() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let ready: Result<Value, any Error>? = state.withLock { state in
                switch state {
                case .empty:
                    state = .awaited(continuation)
                    return nil
                case .fulfilled(let result):
                    state = .taken
                    return result
                case .awaited, .taken:
                    preconditionFailure("a promise has one waiter")
                }
            }
            if let ready { continuation.resume(with: ready) }
        }
    }
}
