import AsyncPrimitives
import HTTPTransport
import Observability
import Resilience

/// Limits the rate of requests to a provider: as many concurrent requests as it accepts, none until its Retry-After has passed.
///
/// The number of concurrent requests halves with every 429 and grows by about one a round of successes. Budgets come from `x-ratelimit-*` headers.
package final class RateLimiter: Sendable {
    private struct State {
        var limit: Double
        var inFlight = 0
        var blockedUntil = Duration.zero
        var waiting: [Promise<Void>] = []
        /// What the provider grants the account; nil where it does not say.
        var tokensPerMinute: Int?
    }

    private enum Admission {
        case go
        case sleep(Duration)
        case wait(Promise<Void>)
    }

    private let maximum: Double
    private let time: any TimeSource
    private let state: LockedValue<State>
    private static let maximumBlock = Duration.seconds(120)

    package init(maximumInFlight: Int, time: any TimeSource) {
        maximum = Double(maximumInFlight)
        self.time = time
        state = LockedValue(State(limit: maximum))
    }

    /// For the worker's report: the same by their names without the prefix.
    package var gauges: [String: Int] {
        var gauges = Dictionary(
            uniqueKeysWithValues: readings.map { (String($0.gauge.name.dropFirst("ingest_".count)), Int($0.value)) }
        )
        gauges[Self.tokensPerMinute] = state.withLock(\.tokensPerMinute)
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

    package func acquire() async throws {
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

    /// The request is over; `failure` is nil when it succeeded.
    package func release(_ headers: HTTPHeaders?, _ failure: Failure?, nextTokens: Int) {
        let waiting = state.withLock { state in
            state.inFlight -= 1
            if case .throttled(_, let after, _) = failure {
                state.limit = max(1, state.limit / 2)
                block(&state, for: after ?? .seconds(1))
            } else if failure == nil {
                state.limit = min(maximum, state.limit + 1 / state.limit)
            }
            if let limit = headers?["x-ratelimit-limit-tokens"].flatMap(Int.init), (1...1 << 40).contains(limit) {
                state.tokensPerMinute = limit
            }
            if let headers, let pause = Self.pause(headers, nextTokens) { block(&state, for: pause) }
            defer { state.waiting = [] }
            return state.waiting
        }
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
            return headers["x-ratelimit-reset-\(kind)"].flatMap(parse)
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
