import AsyncPrimitives
import Observability

extension WorkLoop {
    /// Deliveries that are settled as one.
    package struct Job: Sendable {
        package var deliveries: [Delivery]
        /// How often this delivery was begun before: each pause begins it again.
        package var pauses = 0
        /// Retries in place after throttling.
        var throttles = 0
        /// A failure counts against the message only when the next attempt fails, too: the probe that succeeded may have come just
        /// after the end of the outage that the first one met.
        var isRepeated = false
        /// When it first failed, by `TimeSource.uptime`.
        var failedSince: Duration?

        private let objects: @Sendable (Delivery) -> String

        /// - Parameter objects: see `Handler.objects`.
        package init(deliveries: [Delivery], objects: @escaping @Sendable (Delivery) -> String = { _ in "" }) {
            self.deliveries = deliveries
            self.objects = objects
        }

        package var first: Delivery { deliveries[0] }

        /// What the worker reports of it.
        func entry(at time: Timestamp) -> JobsInFlight.Entry {
            JobsInFlight.Entry(
                objects: objects(first),
                messageID: first.messageID,
                receives: first.receiveCount,
                since: time
            )
        }

        /// No worker can have worked on the message before.
        package var isFirstAttempt: Bool { first.receiveCount == 1 && pauses == 0 }

        /// The next receive would move the message to the dead-letter queue.
        func isLastReceive(of maximum: Int) -> Bool { first.queueReceiveCount >= maximum }

        /// For log lines: object, message and trace.
        package var metadata: Log.Metadata {
            let object = objects(first)
            return object.isEmpty ? first.metadata : first.metadata.merging(["object": object]) { $1 }
        }
    }

    /// How the work on a job ended.
    enum JobEnding: Sendable {
        case outcome(Outcome)
        case leaseLost
        case stopped
        /// A wait is over: the next attempt follows.
        case waited
    }
}
