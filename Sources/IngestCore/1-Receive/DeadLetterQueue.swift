import AsyncPrimitives
import Resilience

/// A dead-letter queue as an operator looks at it: everything that it holds, each message received once, and all of it visible again afterwards.
package struct DeadLetterQueue: Sendable {
    package let source: SQSQueue
    package let queue: SQSQueue

    /// Long enough to look at every message once, at some hundred a second.
    private static let lookingTime = Duration.seconds(900)

    /// - Parameter source: the queue whose messages end here.
    package init(of source: SQSQueue) async throws {
        guard let redrive = try await source.attributes().redrive else {
            throw Failure.fleet("\(source.url) has no RedrivePolicy: it has no dead-letter queue")
        }
        self.source = source
        queue = source.sibling(arn: redrive.deadLetterARN)
    }

    package struct Item: Sendable {
        package var delivery: Delivery
        package var message: DeadLetterMessage
    }

    /// Calls `body` with every message, ordered by time, while all of them are ours; then those that it did not delete are visible again.
    ///
    /// - Returns: what `body` returns, and how many messages another reader held.
    package func read<Value>(_ body: ([Item]) async throws -> Value) async throws -> (Value, hidden: Int) {
        let (found, receipts) = try await QueueListing.read {
            try await queue.receive(maximum: 10, wait: .seconds(1), visibility: Self.lookingTime)
        }
        let hidden = max(0, try await queue.attributes().invisibleMessages - found.count)
        let items = found.map { Item(delivery: $0, message: DeadLetterMessage($0)) }.sorted {
            ($0.delivery.sent, $0.delivery.messageID) < ($1.delivery.sent, $1.delivery.messageID)
        }
        do {
            let value = try await body(items)
            try await release(receipts)
            return (value, hidden)
        } catch {
            try? await release(receipts)
            throw error
        }
    }

    private func release(_ receipts: [String]) async throws {
        for start in stride(from: 0, to: receipts.count, by: 10) {
            _ = try await queue.setVisibility(Array(receipts[start..<min(receipts.count, start + 10)]), .zero)
        }
    }

    /// Sends the message back to its source with its reason, which makes workers try it again, then deletes it here.
    package func redrive(_ item: Item) async throws {
        let delivery = item.delivery
        try await source.send(
            OutgoingMessage(
                body: delivery.body,
                attributes: delivery.attributes,
                trace: delivery.trace,
                group: delivery.group
            )
        )
        try await delete(item)
    }

    package func delete(_ item: Item) async throws {
        for result in try await queue.delete([item.delivery.receipt]) { try result.get() }
    }
}
