import AsyncPrimitives

/// A message that goes back into its queue as a new one: the queue's own receive count, which leads to the dead-letter queue, starts again.
///
/// What the copy must not forget travels in attributes: how often the message was received before, and since when it has been waiting.
package enum MessageCopy {
    private static let receives = "earlier_receives"
    private static let firstSent = "first_sent"

    package static func of(_ delivery: Delivery, after delay: Duration) -> OutgoingMessage {
        var attributes = delivery.attributes
        attributes[receives] = String(delivery.receiveCount)
        attributes[firstSent] = String(firstSent(delivery).milliseconds)
        return OutgoingMessage(
            body: delivery.body,
            attributes: attributes,
            trace: delivery.trace,
            group: delivery.group,
            delay: delay
        )
    }

    package static func receives(_ attributes: [String: String]) -> Int {
        // The attribute comes from outside: a count that nothing can have is none.
        attributes[receives].flatMap { Int($0) }.map { min(max($0, 0), 1_000_000) } ?? 0
    }

    package static func firstSent(_ delivery: Delivery) -> Timestamp {
        guard let text = delivery.attributes[firstSent], let value = Int64(text), value >= 0,
            value <= delivery.sent.milliseconds
        else { return delivery.sent }
        return Timestamp(milliseconds: value)
    }
}
