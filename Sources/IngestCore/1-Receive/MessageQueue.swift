import AsyncPrimitives
import CommandLineOptions
import HTTPTransport
import Observability
import TextCoding

/// A queue with visibility timeouts, at least once, in no order.
package protocol MessageQueue: Sendable {
    /// At most `maximum` (1 to 10) messages; waits up to `wait` for the first. Received messages are invisible for the queue's timeout.
    func receive(maximum: Int, wait: Duration) async throws -> [Delivery]
    /// At most 10 receipts; the results are in their order. A receipt that is no longer valid counts as deleted:
    /// success proves nothing on SQS either.
    func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>]
    /// Makes at most 10 messages visible after `timeout` from now; zero: immediately.
    func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>]
    /// Returns when the queue has the message.
    func send(_ message: OutgoingMessage) async throws
    func attributes() async throws -> QueueAttributes
}

package struct OutgoingMessage: Equatable, Sendable {
    package var body: String
    /// String attributes, at most 10.
    package var attributes: [String: String]
    package var trace: String?
    /// Whose message it is, for fair queues: a tenant with a large backlog does not hold up the others (SQS developer guide, "fair queues").
    package var group: String?
    /// How long it stays invisible first, at most 900 s.
    package var delay: Duration?

    package init(
        body: String,
        attributes: [String: String] = [:],
        trace: String? = nil,
        group: String? = nil,
        delay: Duration? = nil
    ) {
        self.body = body
        self.attributes = attributes
        self.trace = trace
        self.group = group
        self.delay = delay
    }
}

/// Why a lease could not be changed.
package enum LeaseError: Error, Equatable {
    /// The message is no longer ours: deleted, expired, or received again.
    case lost
    case failed(String)
}

package struct QueueAttributes: Equatable, Sendable {
    package var visibleMessages = 0
    package var invisibleMessages = 0
    package var delayedMessages = 0
    package var visibilityTimeout = Duration.seconds(30)
    package var maximumMessageBytes = 262_144
    package var retention = Duration.seconds(345_600)
    /// The dead-letter queue's ARN and how many receives it takes to get there; nil without a redrive policy.
    package var redrive: (deadLetterARN: String, maximumReceives: Int)?
    package var arn: String?
    /// The queue's access policy, as JSON.
    package var policy: String?

    package init() {}

    /// Nothing is left to do now. What is delayed sweeps orphaned chunks, or is for newer workers.
    package var isEmpty: Bool { visibleMessages + invisibleMessages == 0 }

    /// The buckets that the queue's policy lets S3 notify it of, as `aws:SourceArn` names them; `*` where it names none.
    package var notifyingBuckets: [String] {
        guard let policy, let document = JSONValue(parsing: Array(policy.utf8)) else { return [] }
        return document["Statement"]?.items.flatMap(Self.buckets) ?? []
    }

    private static func buckets(_ statement: JSONValue) -> [String] {
        guard statement["Effect"]?.text == "Allow",
            statement["Principal"]?["Service"]?.items.contains(where: { $0.text == "s3.amazonaws.com" }) == true
        else { return [] }
        guard case .object(let conditions)? = statement["Condition"] else { return ["*"] }
        let sources = conditions.sorted { $0.key < $1.key }.flatMap { $0.value["aws:SourceArn"]?.items ?? [] }
        let names = sources.compactMap { $0.text?.split(separator: ":").last.map(String.init) }
        return names.isEmpty ? ["*"] : names
    }

    /// The longest chunk message that may travel inline: what the settings say, and what the queue takes with room for attributes.
    package func inlineBytes(atMost configured: Int) -> Int { min(configured, maximumMessageBytes - 512) }

    package static func == (left: Self, right: Self) -> Bool {
        left.visibleMessages == right.visibleMessages && left.invisibleMessages == right.invisibleMessages
            && left.delayedMessages == right.delayedMessages && left.visibilityTimeout == right.visibilityTimeout
            && left.maximumMessageBytes == right.maximumMessageBytes && left.retention == right.retention
            && left.redrive?.deadLetterARN == right.redrive?.deadLetterARN
            && left.redrive?.maximumReceives == right.redrive?.maximumReceives
    }
}
