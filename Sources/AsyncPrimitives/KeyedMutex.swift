/// Lets one task at a time work on a key; the others wait in line.
package final class KeyedMutex<Key: Hashable & Sendable>: Sendable {
    private struct Line {
        let turn = AsyncSemaphore(1)
        var tasks = 0
    }

    private let lines = LockedValue([Key: Line]())

    package init() {}

    /// Runs `body` when no other task holds `key`; throws when the task is cancelled while it waits.
    package func run<Value>(_ key: Key, _ body: () async throws -> Value) async throws -> Value {
        let turn = enter(key)
        defer { leave(key) }
        try await turn.acquire()
        defer { turn.release() }
        return try await body()
    }

    private func enter(_ key: Key) -> AsyncSemaphore {
        lines.withLock { lines in
            lines[key, default: Line()].tasks += 1
            return lines[key]!.turn
        }
    }

    private func leave(_ key: Key) {
        lines.withLock { lines in
            lines[key]?.tasks -= 1
            if lines[key]?.tasks == 0 { lines[key] = nil }
        }
    }
}
