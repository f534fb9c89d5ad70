import AsyncPrimitives
import Observability

/// What the loop needs in addition to its queues.
package struct LoopEnvironment: Sendable {
    package var time: any TimeSource
    package var random: RandomSource
    package var log: Log
    package var metrics: Metrics
    package var health: Health
    package var heartbeat: Heartbeat
    package var breakers: CircuitBreakers
    /// Where the task runs on ECS.
    package var protection: ScaleInProtection?
    package var tracer = Tracer.disabled
    /// An operator's pause.
    package let gate = OperatorGate()
    package let jobs = JobsInFlight()
    package let ages = MessageAges()
    package let drift = VectorDrift()

    package init(
        time: any TimeSource,
        random: RandomSource,
        log: Log,
        metrics: Metrics,
        heartbeat: Heartbeat,
        breakers: CircuitBreakers,
        protection: ScaleInProtection? = nil
    ) {
        self.time = time
        self.random = random
        self.log = log
        self.metrics = metrics
        health = Health(breakers: breakers, heartbeat: heartbeat, gate: gate)
        self.heartbeat = heartbeat
        self.breakers = breakers
        self.protection = protection
    }
}

extension LoopEnvironment {
    /// Runs `body` in a span, and measures it.
    func traced<Value>(
        _ name: String,
        _ kind: Span.Kind,
        _ histogram: Metrics.Histogram,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ActiveSpan) async throws -> Value
    ) async rethrows -> Value {
        let begun = time.uptime
        defer { metrics.observe(histogram, time.uptime - begun) }
        return try await tracer.span(name, kind, body)
    }
}
