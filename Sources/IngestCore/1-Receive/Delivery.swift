/// One received message. The receipt stands for this delivery only: a redelivery has another.
package struct Delivery: Sendable {
    package var messageID: String
    package var receipt: String
    package var body: String
    /// How often the message has been received, this time included; copies of it count with the original.
    package var receiveCount: Int
    /// When the message was first sent to the queue.
    package var sent: Timestamp
    /// The sender's own attributes.
    package var attributes: [String: String]
    /// X-Ray's trace header, passed on as it came.
    package var trace: String?
    /// When this delivery was received.
    package var received: Timestamp

    package init(
        messageID: String,
        receipt: String,
        body: String,
        receiveCount: Int = 1,
        sent: Timestamp,
        attributes: [String: String] = [:],
        trace: String? = nil,
        received: Timestamp
    ) {
        self.messageID = messageID
        self.receipt = receipt
        self.body = body
        self.receiveCount = receiveCount
        self.sent = sent
        self.attributes = attributes
        self.trace = trace
        self.received = received
    }
}
