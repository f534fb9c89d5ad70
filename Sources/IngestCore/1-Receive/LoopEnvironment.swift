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
    /// An operator's pause.
    package let gate = OperatorGate()
    package let jobs = JobsInFlight()

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
