import AsyncPrimitives
import IngestCore

extension WorkLoop.Job {
    /// For tests: one message, as a queue delivers it.
    package static func test(_ body: String, receives: Int = 1, at now: Timestamp) -> WorkLoop.Job {
        WorkLoop.Job(deliveries: [
            Delivery(messageID: "m", receipt: "r", body: body, receiveCount: receives, sent: now, received: now)
        ])
    }
}
