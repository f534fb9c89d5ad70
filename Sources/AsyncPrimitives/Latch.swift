/// Closed, then open for ever. Any number of tasks may wait, one after the other or together.
package final class Latch: Sendable {
    /// One permit once it is open, which every task passes on.
    private let gate = AsyncSemaphore(0)

    package init() {}

    package func open() { gate.release() }

    /// Throws when the task is cancelled first.
    package func wait() async throws {
        try await gate.acquire()
        gate.release()
    }
}
