import AsyncPrimitives

/// How far an account's limits are used, as all of its workers share it: the time at which everything that has been granted is earned.
///
/// This is the generic cell rate algorithm (ITU-T I.371): two numbers in place of a log of requests. Over any time t no more is granted than the limits
/// yield in t and `burst`, whatever the clocks of the workers show: a clock that is ahead draws its advance once, and the others wait as much longer.
package struct Allowance: Equatable, Sendable, Codable {
    /// In microseconds since 1970.
    package var tokensEarned = 0
    package var requestsEarned = 0
    package var limits = AccountLimits()
    /// When each worker was here last, in milliseconds since 1970, by its name.
    package var workers: [String: Int] = [:]

    /// What was not used may be used as much later.
    static let burst = 500_000
    /// A record that is further ahead is damaged.
    private static let furthest = 3_600_000_000
    /// A worker that has not been here for so long has ended, in milliseconds.
    private static let lifetime = 60_000

    package init() {}

    /// Takes so much out of the limits, and says how long until it may be used.
    mutating func grant(tokens: Int, requests: Int, of limits: AccountLimits, at now: Timestamp) -> Duration {
        let instant = now.microseconds
        let start = max(
            Self.take(tokens, limits.tokensPerMinute, &tokensEarned, instant),
            Self.take(requests, limits.requestsPerMinute, &requestsEarned, instant)
        )
        return .microseconds(max(0, start - instant))
    }

    /// Nothing is granted before `end`.
    mutating func pause(until end: Timestamp) {
        let instant = end.microseconds
        (tokensEarned, requestsEarned) = (max(tokensEarned, instant), max(requestsEarned, instant))
    }

    private static func take(_ count: Int, _ limit: Int?, _ earned: inout Int, _ now: Int) -> Int {
        guard let limit else { return now }
        if earned > now + furthest { earned = now }
        let start = max(earned, now - burst)
        let (product, isTooMuch) = count.multipliedReportingOverflow(by: 60_000_000)
        earned = start + (isTooMuch ? furthest : min(product / limit, furthest))
        return start
    }

    /// A worker is here; those that have ended are forgotten.
    mutating func note(_ worker: String, at now: Timestamp) {
        let instant = Int(now.milliseconds)
        workers = workers.filter { abs(instant - min(max($0.value, 0), 1 << 53)) < Self.lifetime }
        workers[worker] = instant
    }
}

extension Timestamp {
    /// Since 1970.
    fileprivate var microseconds: Int { Int(milliseconds) * 1000 }
}
