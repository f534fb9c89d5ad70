/// Runs code that blocks on a thread of its own, off the cooperative pool.
package enum BlockingCall {
    /// Not interrupted when the task is cancelled: the caller stops waiting.
    package static func run<Value: Sendable, Problem: Error>(_ body: @escaping @Sendable () -> Result<Value, Problem>)
        async throws -> Value
    {
        let promise = Promise<Value>()
        DetachedThread.start { promise.fulfil(body().mapError { $0 }) }
        return try await promise.value()
    }
}
