import AsyncPrimitives
import HTTPTransport
import Observability
import Resilience
import TextCoding

/// Makes ECS keep this task while it has work: `PUT $ECS_AGENT_URI/task-protection/v1/state`
/// (Amazon ECS developer guide, "task scale-in protection endpoint").
///
/// Protection ends by itself after a quarter of an hour, so that a worker that dies does not hold up scaling, and is renewed before.
package final class ScaleInProtection: Sendable {
    private struct State {
        var inFlight = 0
        var isProtected = false
        /// When to renew.
        var renewal = Duration.zero
        /// Not before, as the last try failed.
        var retry = Duration.zero
        var idleSince = Duration.zero
        var hasLoggedFailure = false
        var change = Latch()

        /// What to report next, and when; nil for nothing.
        var next: (isProtected: Bool, at: Duration)? {
            if inFlight > 0 { return (true, isProtected ? max(renewal, retry) : retry) }
            return isProtected ? (false, max(idleSince + linger, retry)) : nil
        }
    }

    private static let expiry = Duration.seconds(900)
    private static let retryBudget = Duration.seconds(30)
    /// A worker between two messages is not idle yet.
    private static let linger = Duration.seconds(10)

    private let agent: Endpoint
    private let http: any HTTPClient
    private let time: any TimeSource
    private let log: Log
    private let state = LockedValue(State())

    /// - Parameter agent: `$ECS_AGENT_URI`.
    package init(agent: Endpoint, http: any HTTPClient, time: any TimeSource, log: Log) {
        self.agent = agent
        self.http = http
        self.time = time
        self.log = log
    }

    /// How many messages are in flight now.
    package func update(inFlight: Int) {
        let change: Latch? = state.withLock { state in
            let wasIdle = state.inFlight == 0
            state.inFlight = inFlight
            if inFlight == 0 { state.idleSince = time.uptime }
            return wasIdle != (inFlight == 0) ? state.change : nil
        }
        change?.open()
    }

    /// Reports each change to the agent until it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            if let isProtected = pendingChange() { await report(isProtected) }
            await waitForChange()
        }
    }

    /// To be called when the work has ended.
    package func release() async { if state.withLock({ $0.isProtected }) { await report(false) } }

    private func pendingChange() -> Bool? {
        guard let next = state.withLock({ $0.next }), next.at <= time.uptime else { return nil }
        return next.isProtected
    }

    private func waitForChange() async {
        let now = time.uptime
        let (change, wait): (Latch, Duration?) = state.withLock { state in
            state.change = Latch()
            return (state.change, state.next.map { $0.at - now })
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await change.wait() }
            if let wait { group.addTask { try? await self.time.sleep(for: wait) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func report(_ isProtected: Bool) async {
        var request = HTTPRequest("PUT", agent, path: agent.basePath + "/task-protection/v1/state")
        request.body = JSONWriter.object {
            $0.field("ProtectionEnabled", isProtected)
            if isProtected { $0.field("ExpiresInMinutes", Int(Self.expiry.seconds / 60)) }
        }
        request.headers = [("content-type", "application/json")]
        request.timeout = .seconds(5)
        request.bypassesProxy = true
        let problem: String?
        do {
            let response = try await http.execute(request)
            let body = String(decoding: response.body.prefix(500), as: UTF8.self)
            let isDone = response.isSuccess && body.contains("\"protection\"")
            problem = isDone ? nil : "status \(response.status): \(body)"
        } catch {
            problem = Failure(error).summary
        }
        let now = time.uptime
        let isNew = state.withLock { state in
            defer { state.hasLoggedFailure = problem != nil }
            if problem == nil {
                state.isProtected = isProtected
                state.renewal = now + Self.expiry / 2
                state.retry = .zero
            } else {
                state.retry = now + Self.retryBudget
            }
            return !state.hasLoggedFailure
        }
        if let problem, isNew {
            log.warning("ECS does not change this task's scale-in protection, trying again", ["error": problem])
        }
    }
}
