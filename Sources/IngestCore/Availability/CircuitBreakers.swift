import AsyncPrimitives
import Observability
import Resilience

/// Decides what a failure is about, and keeps work waiting while a dependency is unavailable: one circuit breaker for each dependency.
///
/// A failure alone proves nothing. Before a dependency counts as unavailable, a probe of the fleet's own has to fail as well, or several
/// documents that have nothing in common have to be refused with no other succeeding. While a breaker is open only the probe is retried,
/// with growing waits; work that needs the dependency waits in place and burns no receive counts.
package final class CircuitBreakers: Sendable {
    package enum Verdict: Equatable, Sendable {
        /// The dependency is unavailable: the breaker is open.
        case unavailable
        /// The dependency works for others: the failure is about this message.
        case message
        /// The probe succeeds, and nothing else shows whether the dependency works for others: wait in place and try again.
        case undecided
    }

    /// Succeeds when the dependency can be used. The object is the one whose failure is in question: it proves nothing about itself.
    package typealias Probe = @Sendable (Dependency, ObjectReference?) async throws -> Void

    private struct Circuit {
        var reason: String
        var attempts = 0
        var nextProbe: Duration
        /// Opened by refusals of several documents while the probe succeeds: each wait ends with a try of the real work.
        var isTrial = false
    }

    /// A probe in flight. What it fails with is evidence for all who waited for it.
    private final class ProbeRun: Sendable {
        let isOver = Latch()
        let failure = LockedValue<Failure?>(nil)
    }

    private struct Success {
        var time: Duration
        var work: String
    }

    private struct State {
        var circuits: [Dependency: Circuit] = [:]
        var probing: [Dependency: ProbeRun] = [:]
        var successes: [Dependency: Success] = [:]
        /// Documents that were refused while the probe succeeded, since the last success.
        var undecided: [Dependency: Set<String>] = [:]
    }

    private static let base = Duration.seconds(1)
    private static let cap = Duration.seconds(60)
    /// So many unrelated documents refused in a row are evidence against the dependency.
    private static let refusalsAsEvidence = 3
    /// Bucket names come from messages: their number must not grow with them.
    private static let maximumRemembered = 1000

    private let state = LockedValue(State())
    private let time: any TimeSource
    private let random: RandomSource
    private let log: Log
    private let probe: Probe

    /// - Parameter probe: uses the dependency in the same way as the work does, without an effect.
    package init(time: any TimeSource, random: RandomSource, log: Log, probe: @escaping Probe) {
        self.time = time
        self.random = random
        self.log = log
        self.probe = probe
    }

    /// What is unavailable now, and why; ordered by name.
    package var open: [(dependency: Dependency, reason: String)] {
        state.withLock { $0.circuits.map { ($0.key, $0.value.reason) } }.sorted { "\($0.0)" < "\($1.0)" }
    }

    package var readings: [Metrics.Reading] {
        open.map { Metrics.Reading(.paused, $0.dependency.description, 1) }
    }

    /// Real work has used the dependency. An open breaker closes.
    package func succeeded(_ dependency: Dependency, by work: String) {
        let now = time.uptime
        state.withLock { state in
            if state.successes.count >= Self.maximumRemembered { state.successes = [:] }
            state.successes[dependency] = Success(time: now, work: work)
            state.undecided[dependency] = nil
        }
        close(dependency)
    }

    private func close(_ dependency: Dependency) {
        let wasOpen = state.withLock { $0.circuits.removeValue(forKey: dependency) != nil }
        if wasOpen { log.notice("processing resumed", ["dependency": dependency.description]) }
    }

    /// Throws while the breaker is open and not due for a try: calls that would fail are not made.
    package func check(_ dependency: Dependency) throws(Failure) {
        let now = time.uptime
        let reason = state.withLock { state in
            state.circuits[dependency].flatMap { now < $0.nextProbe && !$0.isTrial ? $0.reason : nil }
        }
        if let reason { throw .fleet(reason, of: dependency) }
    }

    /// Whom a failure is about.
    ///
    /// - Parameters:
    ///   - object: the object at work, which the probe must not use as evidence.
    ///   - work: names the work; its own successes prove nothing for it.
    ///   - since: when it first failed, by `TimeSource.uptime`.
    package func verdict(_ failure: Failure, about object: ObjectReference?, work: String, since: Duration) async
        -> Verdict
    {
        guard let dependency = failure.dependency else { return .message }
        guard await isAvailable(dependency, about: object, reason: failure.summary) else { return .unavailable }
        guard case .fleet = failure, !dependency.hasConclusiveProbe else { return .message }
        let (isProven, refusals) = state.withLock { state in
            if let success = state.successes[dependency], success.work != work, success.time >= since {
                return (true, 0)
            }
            state.undecided[dependency, default: []].insert(work)
            return (false, state.undecided[dependency]?.count ?? 0)
        }
        if isProven { return .message }
        if refusals >= Self.refusalsAsEvidence { trip(dependency, failure.summary, probe: nil) }
        return .undecided
    }

    /// Whether the dependency's probe succeeds now; where it does not, the breaker opens. Probe before a document is rejected for what
    /// a provider or a store said.
    ///
    /// - Parameter reason: what the log and `/ready` say; nil for what the probe met.
    package func isAvailable(_ dependency: Dependency, about object: ObjectReference?, reason: String? = nil) async
        -> Bool
    {
        if state.withLock({ $0.circuits[dependency].map { !$0.isTrial } ?? false }) {
            // Open already; a probe that is due may close it.
            return await isClosed(dependency, object)
        }
        do {
            try await probeOnce(dependency, object)
            return true
        } catch is CancellationError {
            return false
        } catch {
            let problem = Failure(error).summary
            trip(dependency, reason ?? problem, probe: problem)
            return false
        }
    }

    /// Returns when the dependency can be tried again; throws when the task is cancelled.
    package func waitUntilClosed(_ dependency: Dependency, about object: ObjectReference? = nil) async throws {
        while let circuit = state.withLock({ $0.circuits[dependency] }) {
            let wait = circuit.nextProbe - time.uptime
            if wait > .zero { try await time.sleep(for: wait) }
            if circuit.isTrial { return }
            if await isClosed(dependency, object) { return }
            try Task.checkCancellation()
        }
    }

    /// Returns when nothing that every message needs is unavailable.
    package func waitUntilEssentialsClosed() async throws {
        while let dependency = state.withLock({ state in
            state.circuits.filter { $0.key.isEssential && !$0.value.isTrial }.keys.min {
                $0.description < $1.description
            }
        }) {
            try await waitUntilClosed(dependency)
        }
    }

    /// Runs the probe of an open breaker when it is due; closes it where the probe succeeds.
    private func isClosed(_ dependency: Dependency, _ object: ObjectReference?) async -> Bool {
        guard let circuit = state.withLock({ $0.circuits[dependency] }) else { return true }
        guard circuit.nextProbe <= time.uptime else { return false }
        do {
            try await probeOnce(dependency, object)
        } catch {
            return false
        }
        close(dependency)
        return true
    }

    /// One probe of a dependency at a time. One that began before the caller's failure proves nothing when it succeeds.
    private func probeOnce(_ dependency: Dependency, _ object: ObjectReference?) async throws {
        let run = ProbeRun()
        while let other = state.withLock({ state -> ProbeRun? in
            if let other = state.probing[dependency] { return other }
            state.probing[dependency] = run
            return nil
        }) {
            try await other.isOver.wait()
            if let failure = other.failure.withLock({ $0 }) { throw failure }
        }
        defer {
            state.withLock { _ = $0.probing.removeValue(forKey: dependency) }
            run.isOver.open()
        }
        do {
            try await probe(dependency, object)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let failure = Failure(error)
            run.failure.withLock { $0 = failure }
            // Before the run is over: a waiter that finds none in flight would begin another.
            postpone(dependency, failure.summary)
            throw error
        }
    }

    private func trip(_ dependency: Dependency, _ reason: String, probe: String?) {
        let now = time.uptime
        let delay = wait(after: 0)
        let isNew = state.withLock { state in
            if state.circuits[dependency] != nil { return false }
            if state.circuits.count >= Self.maximumRemembered, !dependency.isEssential { return false }
            state.circuits[dependency] = Circuit(reason: reason, nextProbe: now + delay, isTrial: probe == nil)
            return true
        }
        guard isNew else { return postpone(dependency, nil) }
        var metadata = ["dependency": dependency.description, "reason": reason]
        if let probe, probe != reason { metadata["probe"] = probe }
        log.error("processing paused: dependency unavailable", metadata)
    }

    private func postpone(_ dependency: Dependency, _ problem: String?) {
        let now = time.uptime
        let attempt: Int? = state.withLock { state in
            guard var circuit = state.circuits[dependency], circuit.nextProbe <= now else { return nil }
            circuit.attempts += 1
            circuit.nextProbe = now + wait(after: circuit.attempts)
            state.circuits[dependency] = circuit
            return circuit.attempts
        }
        guard let attempt else { return }
        var metadata = ["dependency": dependency.description, "attempt": "\(attempt)"]
        if let problem { metadata["error"] = problem }
        log.debug("dependency is still unavailable", metadata)
    }

    /// 1, 2, 4 … 60 s, with jitter.
    private func wait(after attempts: Int) -> Duration {
        min(Self.base * (1 << min(attempts, 10)), Self.cap) * (0.5 + random.unit() / 2)
    }
}
