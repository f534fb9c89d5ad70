/// Does to a message what its outcome says.
struct Settlement: Sendable {
    let queue: any MessageQueue
    let deadLetters: any MessageQueue
    let acknowledgements: Coalescer<String, Void>
    let environment: LoopEnvironment

    /// 5, 10, 20 … 900 s, with jitter: a document that fails for now comes back less and less often.
    private static let firstBackoff = Duration.seconds(5)
    private static let longestBackoff = Duration.seconds(900)
    /// How long a message for other workers stays out of sight.
    private static let leaveTimeout = Duration.seconds(30)

    func settle(_ job: WorkLoop.Job, _ outcome: Outcome?) async {
        switch outcome {
        case .done: await delete(job)
        case .deadLetter(let letters): await bury(job, letters)
        case .retry(let reason, let after):
            environment.metrics.add(.messagesRetried, job.deliveries.count)
            environment.log.warning(
                "will be tried again",
                ["reason": reason, "receive_count": "\(job.first.receiveCount)"]
            )
            await makeVisible(job, after: max(after ?? .zero, backoff(job.first.receiveCount)))
        case .leave(let reason):
            environment.log.notice("left to other workers", ["reason": reason])
            await makeVisible(job, after: Self.leaveTimeout)
        case .pause, nil: await makeVisible(job, after: .zero)
        }
    }

    private func backoff(_ receiveCount: Int) -> Duration {
        let longest = min(Self.firstBackoff * (1 << min(receiveCount - 1, 12)), Self.longestBackoff)
        return longest * (0.5 + environment.random.unit() / 2)
    }

    private func delete(_ job: WorkLoop.Job) async {
        for delivery in job.deliveries {
            do {
                try await acknowledgements.submit(delivery.receipt)
                environment.metrics.add(.messagesDeleted)
            } catch {
                // It comes back, is found to be done, and is deleted then.
                environment.log.warning(
                    "a message that is done could not be deleted",
                    ["error": Failure(error).summary]
                )
            }
        }
    }

    private func bury(_ job: WorkLoop.Job, _ letters: [DeadLetter]) async {
        do {
            for letter in letters {
                let body = letter.body ?? job.first.body
                try await deadLetters.send(
                    OutgoingMessage(body: body, attributes: letter.attributes, trace: job.first.trace)
                )
                environment.metrics.add(.messagesDeadLettered)
                let metadata = ["reason": letter.reason, "detail": letter.detail, "object": letter.object]
                environment.log.warning("moved to the dead-letter queue", metadata)
            }
            await delete(job)
        } catch {
            environment.log.error("the dead-letter queue does not take the message", ["error": Failure(error).summary])
            await makeVisible(job, after: backoff(job.first.receiveCount))
        }
    }

    private func makeVisible(_ job: WorkLoop.Job, after timeout: Duration) async {
        for start in stride(from: 0, to: job.deliveries.count, by: 10) {
            let receipts = job.deliveries[start..<min(job.deliveries.count, start + 10)].map(\.receipt)
            _ = try? await queue.setVisibility(receipts, timeout)
        }
    }
}
