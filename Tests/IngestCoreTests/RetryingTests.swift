import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

@Suite struct RetryingTests {
    let time = VirtualTime()

    private func retrying(_ policy: RetryPolicy = RetryPolicy(), quota: RetryQuota = RetryQuota()) -> Retrying {
        // Maximum jitter, so that waits are known.
        Retrying(policy: policy, quota: quota, time: time, random: RandomSource { .max })
    }

    /// How often it was tried and how long it took, failing `failures` times.
    private func run(_ retrying: Retrying, _ failure: Failure, times failures: Int, isLongPoll: Bool = false) async -> (
        attempts: Int, waited: Duration, isDone: Bool
    ) {
        let attempts = LockedValue(0)
        let begun = time.uptime
        let isDone = await time.flowing {
            do {
                return try await retrying.run(isLongPoll: isLongPoll) { attempt in
                    attempts.withLock { $0 = attempt }
                    if attempt <= failures { throw failure }
                    return true
                }
            } catch {
                return false
            }
        }
        return (attempts.withLock { $0 }, time.uptime - begun, isDone)
    }

    @Test func errorsWaitShortlyAndThrottlingLong() async {
        let errors = await run(retrying(), .transient("reset"), times: 2)
        #expect(
            errors.attempts == 3 && errors.isDone && errors.waited > .milliseconds(140)
                && errors.waited < .milliseconds(160)
        )
        let throttled = await run(retrying(), .throttled("slow", after: nil), times: 2)
        #expect(
            throttled.attempts == 3 && throttled.isDone && throttled.waited > .seconds(2.9)
                && throttled.waited < .seconds(3.1)
        )
        #expect(await run(retrying(), .transient("reset"), times: 3).isDone == false, "three attempts and no more")
        #expect(
            await run(retrying(), .fleet("wrong key"), times: 1).attempts == 1,
            "what cannot succeed is not tried again"
        )
    }

    @Test func retryAfterIsObeyedWithinBounds() async {
        let policy = RetryPolicy()
        let own = Duration.seconds(0.5)
        func delay(_ retryAfter: Duration, _ policy: RetryPolicy) -> Duration? {
            policy.delay(after: .throttled("", after: retryAfter), attempt: 1, unit: 0.5)
        }
        #expect(delay(.seconds(3), policy) == .seconds(3))
        #expect(delay(.seconds(3600), policy) == own + .seconds(5), "an hour is not waited for here")
        #expect(delay(.zero, policy) == own, "never sooner than by ourselves")
        #expect(delay(.seconds(-5), policy) == own)
        let patient = RetryPolicy(maximumRetryAfter: .seconds(120))
        #expect(delay(.seconds(100), patient) == .seconds(100))
        #expect(delay(.seconds(121), patient) == nil, "longer than the provider's own client would wait")
    }

    @Test(
        arguments: [
            (["x-amz-retry-after": "1500", "retry-after": "9"], Duration.milliseconds(1500)),
            (["retry-after-ms": "1500", "retry-after": "9"], .milliseconds(1500)),
            (["retry-after": "7"], .seconds(7)), (["retry-after": "0.5"], .seconds(0.5)),
            (["retry-after": "soon"], nil),
            (["retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"], .seconds(30)),
            (["retry-after": "Sun, 06 Nov 1994 08:40:00 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"], .zero),
            (["retry-after": "Sun, 06 Nov 1994 08:50:07 GMT"], nil), ([:], nil),
        ] as [([String: String], Duration?)]
    )
    func headersThatSayWhenToRetry(_ headers: [String: String], _ expected: Duration?) {
        #expect(HTTPHeaders(headers.map { ($0.key, $0.value) }).retryAfter == expected)
    }

    @Test func inALongOutageCallsFailAtOnceAndAPollDoesNotSpin() async {
        let quota = RetryQuota()
        let shared = retrying(quota: quota)
        var calls = 0
        while await run(shared, .throttled("down", after: nil), times: 99).attempts > 1 { calls += 1 }
        #expect(calls == 50, "500 tokens, 5 a retry, 2 retries a call")
        #expect(await run(shared, .transient("down"), times: 99).waited == .zero)
        let poll = await run(shared, .throttled("down", after: nil), times: 99, isLongPoll: true)
        #expect(poll.attempts == 1 && poll.waited >= .milliseconds(900), "without tokens a poll waits all the same")
        for _ in 0..<20 { _ = await run(shared, .transient("fine"), times: 0) }
        #expect(await run(shared, .transient("reset"), times: 1).isDone, "successes give tokens back")
    }
}
