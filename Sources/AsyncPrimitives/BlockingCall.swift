/// Runs code that blocks, or computes for long, on a thread of its own, off the cooperative pool.
package enum BlockingCall {
    /// When the task is cancelled, the caller stops waiting, and `body` learns it from its argument.
    package static func run<Value: Sendable>(
        _ body: @escaping @Sendable (_ isCancelled: @Sendable () -> Bool) throws -> Value
    ) async throws -> Value {
        let promise = Promise<Value>()
        let cancelled = LockedValue(false)
        DetachedThread.start { promise.fulfil(Result { try body { cancelled.withLock { $0 } } }) }
        return try await withTaskCancellationHandler {
            try await promise.value()
        } onCancel: {
            cancelled.withLock { $0 = true }
        }
    }
}
