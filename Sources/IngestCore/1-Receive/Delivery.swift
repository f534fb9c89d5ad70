import AsyncPrimitives
import Observability

/// One received message. The receipt is this delivery's only: a redelivery has another.
package struct Delivery: Sendable {
    package var messageID: String
    package var receipt: String
    package var body: String
    /// How often the message has been received, this time included; copies of it count with the original.
    package var receiveCount: Int
    /// The same as the queue counts it: what leads to the dead-letter queue.
    package var queueReceiveCount: Int
    /// When the message was first sent to the queue.
    package var sent: Timestamp
    /// The sender's own attributes.
    package var attributes: [String: String]
    /// X-Ray's trace header, passed on as it came.
    package var trace: String?
    /// The message group of fair queues.
    package var group: String?
    /// When this delivery was received.
    package var received: Timestamp

    package init(
        messageID: String,
        receipt: String,
        body: String,
        receiveCount: Int = 1,
        queueReceiveCount: Int? = nil,
        sent: Timestamp,
        attributes: [String: String] = [:],
        trace: String? = nil,
        group: String? = nil,
        received: Timestamp
    ) {
        self.messageID = messageID
        self.receipt = receipt
        self.body = body
        self.receiveCount = receiveCount
        self.queueReceiveCount = queueReceiveCount ?? receiveCount
        self.sent = sent
        self.attributes = attributes
        self.trace = trace
        self.group = group
        self.received = received
    }

    /// For log lines.
    package var metadata: Log.Metadata {
        ["message_id": messageID, "receive_count": "\(receiveCount)"]
    }

    /// The trace that the message belongs to: SQS' own attribute, or W3C's, which other senders set.
    package var context: SpanContext? {
        trace.flatMap { SpanContext(awsHeader: $0) }
            ?? attributes["traceparent"].flatMap { SpanContext(traceparent: $0) }
    }

    /// The dead-letter message was redriven: an operator requested a retry.
    package var isRedriven: Bool { attributes["reason"] != nil }
}
