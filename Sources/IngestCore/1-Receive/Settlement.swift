/// Does to a message what its outcome says.
struct Settlement: Sendable {
    let queue: any MessageQueue
    let deadLetters: any MessageQueue
    let acknowledgements: Coalescer<String, Void>
    let leases: LeaseKeeper
    let environment: LoopEnvironment

    /// 5, 10, 20 … 900 s, with jitter: a document that fails for now comes back less and less often.
    private static let firstBackoff = Duration.seconds(5)
    private static let longestBackoff = Duration.seconds(900)
    /// How long a message for other workers stays out of sight, and how long others may take to come.
    private static let leaveTimeout = Duration.seconds(30)
    private static let longestStay = Duration.seconds(4 * 86_400)
    private static let deleteAttempts = 4

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
        case .leave(let reason): await leave(job, reason)
        case .pause, nil: await makeVisible(job, after: .zero)
        }
    }

    private func backoff(_ receiveCount: Int) -> Duration {
        let longest = min(Self.firstBackoff * (1 << min(receiveCount - 1, 12)), Self.longestBackoff)
        return longest * (0.5 + environment.random.unit() / 2)
    }

    /// As a copy: receives by workers that cannot read it must not lead it to the dead-letter queue.
    private func leave(_ job: WorkLoop.Job, _ reason: String) async {
        guard environment.time.now.duration(since: MessageCopy.firstSent(job.first)) < Self.longestStay else {
            let detail = "no worker for it came in \(Int(Self.longestStay.seconds / 86_400)) days: \(reason)"
            return await bury(job, [DeadLetter(reason: "left_too_long", detail: detail)])
        }
        environment.log.notice("left to other workers", ["reason": reason])
        do {
            try await queue.send(MessageCopy.of(job.first, after: Self.leaveTimeout))
            await delete(job)
        } catch {
            await makeVisible(job, after: Self.leaveTimeout)
        }
    }

    private func delete(_ job: WorkLoop.Job) async {
        await withDiscardingTaskGroup { group in
            for delivery in job.deliveries { group.addTask { await delete(delivery) } }
        }
    }

    private func delete(_ delivery: Delivery) async {
        var attempt = 1
        while true {
            do {
                try await acknowledgements.submit(delivery.receipt)
                return environment.metrics.add(.messagesDeleted)
            } catch {
                let wait = Duration.seconds(Double(1 << attempt) * environment.random.unit())
                if attempt < Self.deleteAttempts, (try? await environment.time.sleep(for: wait)) != nil {
                    attempt += 1
                    continue
                }
                // It comes back, is found to be done, and is deleted then.
                let metadata = ["error": Failure(error).summary]
                return environment.log.warning("a message that is done could not be deleted", metadata)
            }
        }
    }

    private func bury(_ job: WorkLoop.Job, _ letters: [DeadLetter]) async {
        if await tell(job, letters) {
            await delete(job)
        } else {
            await makeVisible(job, after: backoff(job.first.receiveCount))
        }
    }

    /// Sends letters to the dead-letter queue; false where it does not take them.
    @discardableResult
    func tell(_ job: WorkLoop.Job, _ letters: [DeadLetter]) async -> Bool {
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
            return true
        } catch {
            environment.log.error("the dead-letter queue does not take the message", ["error": Failure(error).summary])
            return false
        }
    }

    private func makeVisible(_ job: WorkLoop.Job, after timeout: Duration) async {
        for start in stride(from: 0, to: job.deliveries.count, by: 10) {
            let receipts = job.deliveries[start..<min(job.deliveries.count, start + 10)].map(\.receipt)
            await leases.end(receipts)
            _ = try? await queue.setVisibility(receipts, timeout)
        }
    }
}
