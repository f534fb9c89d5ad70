import AsyncPrimitives

/// Vectors that are paid for and not yet live: kept over an interruption, so that the next attempt does not pay again.
package final class UncommittedVectorCache: Sendable {
    /// A generation of a document.
    package struct Key: Hashable, Sendable, CustomStringConvertible {
        package var document: DocumentID
        package var generation: Int

        package init(_ document: DocumentID, _ generation: Int) {
            self.document = document
            self.generation = generation
        }

        package var description: String { "\(document):\(generation)" }
    }

    private struct State {
        var vectors: [Key: [Int: [Float]]] = [:]
        /// Oldest first.
        var order: [Key] = []
        var floats = 0
    }

    private let state = LockedValue(State())
    private let maximumFloats: Int

    /// - Parameter maximumBytes: beyond it the oldest are forgotten.
    package init(maximumBytes: Int = 32 << 20) { maximumFloats = maximumBytes / 4 }

    package var count: Int { state.withLock { $0.order.count } }

    package func holds(_ key: Key) -> Bool { state.withLock { $0.vectors[key] != nil } }

    /// Takes a generation's vectors out, by chunk index.
    package func take(_ key: Key) -> [Int: [Float]] { state.withLock { Self.remove(key, &$0) } }

    package func keep(_ vectors: [Int: [Float]], _ key: Key) {
        guard !vectors.isEmpty else { return }
        state.withLock { state in
            let all = Self.remove(key, &state).merging(vectors) { $1 }
            state.vectors[key] = all
            state.order.append(key)
            state.floats += Self.floats(all)
            while state.floats > maximumFloats, let oldest = state.order.first { _ = Self.remove(oldest, &state) }
        }
    }

    private static func remove(_ key: Key, _ state: inout State) -> [Int: [Float]] {
        guard let vectors = state.vectors.removeValue(forKey: key) else { return [:] }
        state.order.removeAll { $0 == key }
        state.floats -= floats(vectors)
        return vectors
    }

    private static func floats(_ vectors: [Int: [Float]]) -> Int { vectors.values.reduce(0) { $0 + $1.count } }
}
