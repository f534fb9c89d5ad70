import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience

/// Does to a message what its outcome says.
struct Settlement: Sendable {
    let queue: any MessageQueue
    let deadLetters: any MessageQueue
    let acknowledgements: RequestBatcher<String, Void>
    let leases: LeaseKeeper
    let shutdown: Shutdown
    let environment: LoopEnvironment
    let exhaust: @Sendable (WorkLoop.Job, Rejection) async throws -> [DeadLetterMessage]

    /// 5, 10, 20 … 900 s, with jitter.
    private static let firstBackoff = Duration.seconds(5)
    private static let maximumBackoff = Duration.seconds(900)
    /// How long a message for other workers stays invisible.
    private static let leaveTimeout = Duration.seconds(30)
    /// How long a message may go round as copies.
    private static let maximumStay = Duration.seconds(4 * 86_400)
    private static let deleteAttempts = 4

    func settle(_ job: WorkLoop.Job, _ outcome: Outcome) async {
        switch outcome {
        case .done: await delete(job)
        case .deadLetter, .blocked: await release(job, after: backoff(job.first.queueReceiveCount))
        case .retry(let reason, let after):
            environment.metrics.add(.messagesRetried, job.deliveries.count)
            let wait = max(after ?? .zero, backoff(job.first.queueReceiveCount))
            let facts = ["reason": reason, "next_visible_in_ms": "\(wait.milliseconds)"]
            environment.log.warning("message released for retry", job.metadata.merging(facts) { $1 })
            await release(job, after: wait)
        case .park(let reason):
            await requeue(job, reason, .unavailable, after: parkingDelay(of: job))
        case .postpone(let reason):
            await requeue(job, reason, .busy, after: parkingDelay(of: job))
        case .leave(let reason):
            await requeue(job, reason, .otherIndex, after: Self.leaveTimeout)
        }
    }

    private func backoff(_ receiveCount: Int) -> Duration {
        let longest = min(Self.firstBackoff * (1 << min(max(receiveCount - 1, 0), 12)), Self.maximumBackoff)
        return longest * (0.5 + environment.random.unit() / 2)
    }

    /// Why a message goes back into its queue.
    private enum Requeue: String {
        case unavailable, busy
        case otherIndex = "other_index"

        var text: String {
            switch self {
            case .unavailable: "message requeued: what it needs is not available now"
            case .busy: "message requeued: others go first"
            case .otherIndex: "message requeued: index of another pipeline"
            }
        }
    }

    /// Longer and longer, as far as SQS delays messages: a sixteenth of its age.
    private func parkingDelay(of job: WorkLoop.Job) -> Duration {
        let age = environment.time.now.duration(since: MessageCopy.firstSent(job.first))
        return min(max(age / 16, Self.leaveTimeout), Self.maximumBackoff)
    }

    /// As a copy: receives by workers that cannot process it now must not lead it to the dead-letter queue.
    private func requeue(_ job: WorkLoop.Job, _ reason: String, _ cause: Requeue, after delay: Duration) async {
        let age = environment.time.now.duration(since: MessageCopy.firstSent(job.first))
        // One that waits for its turn gets it in the end, however long the backlog is.
        guard cause == .busy || age < Self.maximumStay else {
            let days = Int(Self.maximumStay.seconds / 86_400)
            let detail = "not processed by a matching worker within \(days) days: \(reason)"
            let code: RejectionCode? = cause == .unavailable ? .unavailableTooLong : nil
            let deadLetterMessage = DeadLetterMessage(reason: code?.name ?? "left_too_long", detail: detail)
            do {
                var deadLetterMessages: [DeadLetterMessage] = []
                if let code { deadLetterMessages = try await exhaust(job, Rejection(code, detail)) }
                try await send(deadLetterMessages.isEmpty ? [deadLetterMessage] : deadLetterMessages, of: job)
            } catch {
                return await release(job, after: delay)
            }
            return await delete(job)
        }
        environment.metrics.count(.requeued, cause.rawValue)
        environment.log.notice(cause.text, job.metadata.merging(["reason": reason]) { $1 })
        do {
            try await queue.send(MessageCopy.of(job.first, after: delay))
            await delete(job)
        } catch {
            await release(job, after: delay)
        }
    }

    private func delete(_ job: WorkLoop.Job) async {
        await withDiscardingTaskGroup { group in
            for delivery in job.deliveries { group.addTask { await delete(delivery) } }
        }
    }

    /// Tries again until the message is gone, as long as the queue is unavailable: a message that is done and received again burns receives.
    private func delete(_ delivery: Delivery) async {
        var attempt = 1
        let since = environment.time.uptime
        while true {
            do {
                try await acknowledgements.submit(delivery.receipt)
                environment.metrics.add(.messagesDeleted)
                if environment.log.level <= .debug { environment.log.debug("message acknowledged", delivery.metadata) }
                return
            } catch {
                let failure = Failure(error)
                if await isWorthwhile(failure, delivery, attempt, since) {
                    attempt += 1
                    continue
                }
                // It is received again, found to be done, and deleted then.
                let metadata = delivery.metadata.merging(["error": failure.summary]) { $1 }
                return environment.log.warning("failed to acknowledge (delete) the message", metadata)
            }
        }
    }

    /// Waits for the next try; false where there should be none.
    private func isWorthwhile(_ failure: Failure, _ delivery: Delivery, _ attempt: Int, _ since: Duration) async -> Bool
    {
        if let dependency = failure.dependency {
            let work = delivery.messageID
            let verdict = await environment.breakers.verdict(failure, about: nil, work: work, since: since)
            if verdict == .unavailable {
                return
                    (try? await shutdown.run(until: .stopping) {
                        try await environment.breakers.waitUntilClosed(dependency)
                    }) != nil
            }
        }
        let wait = Duration.seconds(Double(1 << attempt) * environment.random.unit())
        guard attempt < Self.deleteAttempts else { return false }
        // Not beyond the grace period: the next receive finds the message done.
        return (try? await shutdown.run(until: .now) { try await environment.time.sleep(for: wait) }) != nil
    }

    /// Sends to the dead-letter queue; throws where it does not take them.
    func send(_ deadLetterMessages: [DeadLetterMessage], of job: WorkLoop.Job) async throws {
        for deadLetterMessage in deadLetterMessages {
            let body = deadLetterMessage.body ?? job.first.body
            try await deadLetters.send(
                OutgoingMessage(body: body, attributes: deadLetterMessage.attributes, trace: job.first.trace)
            )
            environment.metrics.add(.messagesDeadLettered)
            var metadata = job.first.metadata
            metadata.merge([
                "reason": deadLetterMessage.reason, "detail": deadLetterMessage.detail,
                "object": deadLetterMessage.object,
            ]) { $1 }
            environment.log.warning("moved to the dead-letter queue", metadata)
        }
    }

    func release(_ job: WorkLoop.Job, after timeout: Duration) async {
        for start in stride(from: 0, to: job.deliveries.count, by: 10) {
            let receipts = job.deliveries[start..<min(job.deliveries.count, start + 10)].map(\.receipt)
            await leases.end(receipts)
            _ = try? await queue.setVisibility(receipts, timeout)
        }
    }
}
