/// Lets one task at a time work on a key; the others wait in line.
package final class KeyedMutex<Key: Hashable & Sendable>: Sendable {
    private let waiting = LockedValue([Key: [Promise<Void>]]())

    package init() {}

    /// Runs `body` when no other task holds `key`; throws when the task is cancelled while it waits.
    package func run<Value>(_ key: Key, _ body: () async throws -> Value) async throws -> Value {
        try await acquire(key)
        defer { release(key) }
        return try await body()
    }

    private func acquire(_ key: Key) async throws {
        let promise: Promise<Void>? = waiting.withLock { waiting in
            guard waiting[key] != nil else {
                waiting[key] = []
                return nil
            }
            let promise = Promise<Void>()
            waiting[key]?.append(promise)
            return promise
        }
        guard let promise else { return }
        do {
            try await promise.value()
        } catch {
            // Either still in line, or it was our turn just before the cancellation: then it is the next one's.
            let wasOurTurn = waiting.withLock { waiting in
                guard let index = waiting[key]?.firstIndex(where: { $0 === promise }) else { return true }
                waiting[key]?.remove(at: index)
                return false
            }
            if wasOurTurn { release(key) }
            throw error
        }
    }

    private func release(_ key: Key) {
        let next: Promise<Void>? = waiting.withLock { waiting in
            guard let line = waiting[key], !line.isEmpty else {
                waiting[key] = nil
                return nil
            }
            return waiting[key]?.removeFirst()
        }
        next?.fulfil(.success(()))
    }
}
