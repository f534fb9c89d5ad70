/// A number of bytes that jobs share. Each takes its share once and returns it at its end, so that none waits while it holds some.
package final class ByteBudget: Sendable {
    private let bytes: AsyncSemaphore

    package init(_ total: Int) { bytes = AsyncSemaphore(total) }

    /// Runs `body` with `weight` bytes of the budget, in the order of the calls; a heavier body takes all of it. Throws when the task is
    /// cancelled while it waits.
    package func run<Value>(_ weight: Int, _ body: () async throws -> Value) async throws -> Value {
        let weight = min(max(weight, 0), bytes.count)
        try await bytes.acquire(weight)
        defer { bytes.release(weight) }
        return try await body()
    }
}
