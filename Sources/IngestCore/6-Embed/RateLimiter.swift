import AsyncPrimitives
import HTTPTransport
import Observability
import Resilience

/// Limits the rate of requests to a provider: as many concurrent requests as it accepts, none until its Retry-After has passed.
///
/// The number of concurrent requests halves with every 429 and grows by about one a round of successes. What is left of the account's limits comes from
/// `x-ratelimit-*` headers; the fleet's budget spreads requests so that it is not used up.
package final class RateLimiter: Sendable {
    private struct State {
        var limit: Double
        var inFlight = 0
        var blockedUntil = Duration.zero
        var waiting: [Promise<Void>] = []
        var limits = AccountLimits()
        /// Tokens of the last requests, by the provider's count and by the chunker's.
        var billed = 0.0
        var counted = 0.0
        /// Tokens that the provider counts for one of the chunker's; more than most until it has said.
        var ratio: Double { counted > 0 ? min(max(billed / counted, 0.25), 4) : 1.3 }
    }

    private enum Admission {
        case go
        case sleep(Duration)
        case wait(Promise<Void>)
    }

    private let maximum: Double
    private let time: any TimeSource
    private let budget: (any RequestBudget)?
    private let state: LockedValue<State>
    private static let maximumBlock = Duration.seconds(120)
    /// What a request counts for when another follows it.
    private static let memory = 0.95

    /// - Parameter budget: shared with other workers; nil where this program has the account alone, or asks little of it.
    package init(maximumInFlight: Int, time: any TimeSource, budget: (any RequestBudget)? = nil) {
        maximum = Double(maximumInFlight)
        self.time = time
        self.budget = budget
        state = LockedValue(State(limit: maximum))
    }

    /// For the worker's report: the same by their names without the prefix.
    package var gauges: [String: Int] {
        var gauges = Dictionary(
            uniqueKeysWithValues: readings.map { (String($0.gauge.name.dropFirst("ingest_".count)), Int($0.value)) }
        )
        gauges[Self.tokensPerMinute] = limits.tokensPerMinute
        return gauges
    }

    /// In a worker's report: the provider's limit for the account.
    package static let tokensPerMinute = "embedding_tokens_per_minute"

    /// Requests in flight, how many may be, and how many wait.
    package var readings: [Metrics.Reading] {
        state.withLock {
            [
                Metrics.Reading(.requestsInFlight, nil, Double($0.inFlight)),
                Metrics.Reading(.requestsLimit, nil, max(1, $0.limit.rounded(.down))),
                Metrics.Reading(.requestsWaiting, nil, Double($0.waiting.count)),
            ]
        }
    }

    private var limits: AccountLimits { budget?.limits ?? state.withLock(\.limits) }

    /// Tokens of a request, by the chunker's count, that leaves room for those of others.
    package var tokensOfRequest: Int {
        guard budget != nil, case let most = limits.tokensOfRequest, most < .max else { return .max }
        return max(1, Int(Double(most) / state.withLock(\.ratio)))
    }

    /// Returns when a request of so many tokens, by the chunker's count, may be sent.
    package func acquire(tokens: Int) async throws {
        try await admit()
        guard let budget else { return }
        do {
            try await budget.take(tokens: Int(Double(tokens) * state.withLock(\.ratio)))
        } catch {
            wake(state.withLock { leave(&$0) })
            throw error
        }
    }

    private func admit() async throws {
        while true {
            switch admission() {
            case .go: return
            case .sleep(let duration): try await time.sleep(for: duration)
            case .wait(let promise): try await promise.value()
            }
        }
    }

    private func admission() -> Admission {
        state.withLock { state in
            let blocked = state.blockedUntil - time.uptime
            if blocked > .zero { return .sleep(blocked) }
            if Double(state.inFlight) < max(1, state.limit.rounded(.down)) {
                state.inFlight += 1
                return .go
            }
            let promise = Promise<Void>()
            state.waiting.append(promise)
            return .wait(promise)
        }
    }

    /// The request is over.
    ///
    /// - Parameters:
    ///   - failure: nil when it succeeded.
    ///   - nextTokens: what another request like it needs.
    ///   - billed: what the provider counted for it; nil where it did not say.
    package func release(_ headers: HTTPHeaders?, _ failure: Failure?, nextTokens: Int, billed: Int? = nil) {
        let limits = headers.map(AccountLimits.init) ?? AccountLimits()
        budget?.learn(limits)
        if case .throttled(_, let after, _) = failure {
            budget?.pause(for: min(after ?? .seconds(1), Self.maximumBlock))
        }
        let waiting = state.withLock { state in
            if let billed, nextTokens > 0 {
                state.billed = state.billed * Self.memory + Double(billed)
                state.counted = state.counted * Self.memory + Double(nextTokens)
            }
            if case .throttled(_, let after, _) = failure {
                state.limit = max(1, state.limit / 2)
                block(&state, for: after ?? .seconds(1))
            } else if failure == nil {
                state.limit = min(maximum, state.limit + 1 / state.limit)
            }
            state.limits = limits.completed(by: state.limits)
            if let headers, let pause = Self.pause(headers, nextTokens) { block(&state, for: pause) }
            return leave(&state)
        }
        wake(waiting)
    }

    /// Those that may try now.
    private func leave(_ state: inout State) -> [Promise<Void>] {
        state.inFlight -= 1
        defer { state.waiting = [] }
        return state.waiting
    }

    private func wake(_ waiting: [Promise<Void>]) {
        for promise in waiting { promise.fulfil(.success(())) }
    }

    private func block(_ state: inout State, for duration: Duration) {
        state.blockedUntil = max(state.blockedUntil, time.uptime + min(duration, Self.maximumBlock))
    }

    /// How long until the budget holds another request of this size; nil when it does now, or the server does not say.
    static func pause(_ headers: HTTPHeaders, _ nextTokens: Int) -> Duration? {
        func shortage(_ kind: String, _ needed: Int) -> Duration? {
            guard let remaining = headers["x-ratelimit-remaining-\(kind)"].flatMap(Int.init), remaining >= 0,
                remaining < needed,
                let limit = headers["x-ratelimit-limit-\(kind)"].flatMap(Int.init), limit > 0
            else { return nil }
            // The header says when the whole limit is back; what is missing of it is back sooner.
            let missing = Duration(checkedSeconds: Double(needed - remaining) * 60 / Double(limit)) ?? .zero
            return headers["x-ratelimit-reset-\(kind)"].flatMap(parse).map { needed <= limit ? min($0, missing) : $0 }
        }
        return [shortage("requests", 1), shortage("tokens", nextTokens)].compactMap(\.self).max()
    }

    /// `6m0s`, `1.5s`, `20ms`, `1h2m`; nil for what no provider means.
    static func parse(_ text: String) -> Duration? {
        var total = 0.0
        var rest = text[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            guard let value = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            switch unit {
            case "h": total += value * 3600
            case "m": total += value * 60
            case "s", "": total += value
            case "ms": total += value / 1000
            default: return nil
            }
        }
        return text.isEmpty ? nil : Duration(checkedSeconds: total)
    }
}
