/// Where code runs that computes for long.
package protocol Computing: Sendable {
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
}

/// A thread of its own, so that the cooperative pool stays free for everything else.
package struct ComputingOnThread: Computing {
    package init() {}

    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await BlockingCall.run { _ in try body() }
    }
}

/// The caller's thread: for small work, and where a simulation has one thread for all.
package struct ComputingInPlace: Computing {
    package init() {}

    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try body()
    }
}
