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
        return OutgoingMessage(body: delivery.body, attributes: attributes, trace: delivery.trace, delay: delay)
    }

    package static func receives(_ attributes: [String: String]) -> Int {
        attributes[receives].flatMap { Int($0) } ?? 0
    }

    package static func firstSent(_ delivery: Delivery) -> Timestamp {
        delivery.attributes[firstSent].flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) } ?? delivery.sent
    }
}
