import AsyncPrimitives
import ExtractionWire
import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// `MessageQueue` over the SQS JSON protocol (`X-Amz-Target: AmazonSQS.<Operation>`, application/x-amz-json-1.0).
package struct SQSQueue: MessageQueue {
    package let url: String
    private let client: AWSClient
    private let endpoint: Endpoint
    private let time: any TimeSource
    private let groups = GroupSupport()

    /// Whether the server takes message groups on standard queues; learned from its first refusal.
    private final class GroupSupport: Sendable {
        private let isRefused = LockedValue(false)

        var areRefused: Bool { isRefused.withLock { $0 } }
        func refuse() { isRefused.withLock { $0 = true } }
    }

    package init(url: String, client: AWSClient, endpoint: Endpoint, time: any TimeSource) {
        self.url = url
        self.client = client
        self.endpoint = endpoint
        self.time = time
    }

    package var dependency: Dependency { .queue(url) }

    package var name: String { url.split(separator: "/").last.map(String.init) ?? url }

    /// The queue with this ARN, on the same server and account as this one, as dead-letter queues must be.
    package func sibling(arn: String) -> SQSQueue {
        let name = arn.split(separator: ":").last.map(String.init) ?? ""
        let base = url.prefix(upTo: url.lastIndex(of: "/") ?? url.startIndex)
        return SQSQueue(url: "\(base)/\(name)", client: client, endpoint: endpoint, time: time)
    }

    private struct Received: Decodable {
        struct Message: Decodable {
            var MessageId: String
            var ReceiptHandle: String
            var Body: String?
            var Attributes: [String: String]?
            var MessageAttributes: [String: Attribute]?
        }
        struct Attribute: Decodable { var StringValue: String? }
        var Messages: [Message]?
    }

    package func receive(maximum: Int, wait: Duration) async throws -> [Delivery] {
        try await receive(maximum: maximum, wait: wait, visibility: nil)
    }

    /// - Parameter visibility: how long the messages stay invisible; nil for what the queue says.
    package func receive(maximum: Int, wait: Duration, visibility: Duration?) async throws -> [Delivery] {
        let received: Received = try await call("ReceiveMessage", timeout: wait + .seconds(10), isLongPoll: true) {
            body in
            body.field("MaxNumberOfMessages", maximum)
            body.field("WaitTimeSeconds", Int(wait.seconds))
            body.field("MessageSystemAttributeNames", ["All"])
            body.field("MessageAttributeNames", ["All"])
            if let visibility { body.field("VisibilityTimeout", Int(visibility.seconds)) }
        }
        let now = time.now
        return (received.Messages ?? []).map { message in
            func number(_ name: String) -> Int64? { message.Attributes?[name].flatMap { Int64($0) } }
            let attributes = (message.MessageAttributes ?? [:]).compactMapValues(\.StringValue)
            let receives = Int(min(max(number("ApproximateReceiveCount") ?? 1, 1), 1_000_000))
            return Delivery(
                messageID: message.MessageId,
                receipt: message.ReceiptHandle,
                body: message.Body ?? "",
                receiveCount: receives + MessageCopy.receives(attributes),
                queueReceiveCount: receives,
                sent: number("SentTimestamp").flatMap(Timestamp.init(checkedMilliseconds:)) ?? now,
                attributes: attributes,
                trace: message.Attributes?["AWSTraceHeader"],
                group: message.Attributes?["MessageGroupId"],
                received: now
            )
        }
    }

    private struct BatchResult: Decodable {
        struct Failed: Decodable {
            var Id: String
            var Code: String?
            var Message: String?
        }
        struct Successful: Decodable { var Id: String }
        var Successful: [Successful]?
        var Failed: [Failed]?
    }

    package func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>] {
        let parsed: BatchResult = try await batch("DeleteMessageBatch", receipts) { _ in }
        return receipts.indices.map { index in
            guard let failed = parsed.Failed?.first(where: { $0.Id == String(index) }) else { return .success(()) }
            if Self.isLost(failed.Code) { return .success(()) }
            return .failure(
                Failure.transient("SQS DeleteMessageBatch of \(url): \(failed.Code ?? "failed")", of: dependency)
            )
        }
    }

    package func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
        let parsed: BatchResult = try await batch("ChangeMessageVisibilityBatch", receipts) {
            $0.field("VisibilityTimeout", Int(timeout.seconds.rounded(.up)))
        }
        return receipts.indices.map { index in
            guard let failed = parsed.Failed?.first(where: { $0.Id == String(index) }) else { return .success(()) }
            return .failure(Self.isLost(failed.Code) ? .lost : .failed(failed.Code ?? "failed"))
        }
    }

    private static func isLost(_ code: String?) -> Bool {
        guard let code else { return false }
        return ["ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"].contains { code.hasSuffix($0) }
    }

    private func batch(_ operation: String, _ receipts: [String], _ entry: (inout JSONWriter) -> Void) async throws
        -> BatchResult
    {
        try await call(operation) { body in
            body.key("Entries")
            body.array { entries in
                for (index, receipt) in receipts.enumerated() {
                    entries.object {
                        $0.field("Id", String(index))
                        $0.field("ReceiptHandle", receipt)
                        entry(&$0)
                    }
                }
            }
        }
    }

    private struct Sent: Decodable { var MessageId: String }

    package func send(_ message: OutgoingMessage) async throws {
        var message = message
        if groups.areRefused { message.group = nil }
        do {
            try await sendOnce(message)
        } catch let error as AWSError where message.group != nil && error.message.contains("MessageGroupId") {
            // Servers without fair queues know groups of FIFO queues only.
            groups.refuse()
            message.group = nil
            try await sendOnce(message)
        } catch let error as AWSError where Self.isAboutMessage(error) {
            let detail = "the queue rejected the message: \(error.description)"
            throw Failure.document(Rejection(.messageRefused, detail))
        }
    }

    /// What SendMessage says of one message: its length, its characters (SQS API reference, SendMessage, "Errors").
    private static func isAboutMessage(_ error: AWSError) -> Bool {
        guard error.status == 400 else { return false }
        if ["InvalidMessageContents", "BatchRequestTooLong", "MessageTooLong"].contains(error.code) { return true }
        return error.code == "InvalidParameterValue"
            && ["shorter than", "too long", "length", "bytes"].contains { error.message.contains($0) }
    }

    /// Succeeds when messages can be sent: SQS authorizes the call and then refuses the body, which has a character that messages must not have
    /// (SQS API reference, SendMessage: #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF). A server that does not check
    /// it keeps the message, which every worker acknowledges.
    ///
    /// - Parameter body: has U+FFFE in it.
    package func probeSend(_ body: String) async throws {
        do {
            try await sendOnce(OutgoingMessage(body: body))
        } catch let error as AWSError where error.status == 400 && error.signatureRejection == nil {
            guard ["InvalidParameterValue", "InvalidMessageContents"].contains(error.code) else { throw error }
        }
    }

    /// Succeeds when messages can be deleted: the receipt belongs to no message, and SQS rejects it as an entry of the batch.
    package func probeDelete() async throws {
        let _: BatchResult = try await batch("DeleteMessageBatch", ["probe"]) { _ in }
    }

    private func sendOnce(_ message: OutgoingMessage) async throws {
        let _: Sent = try await call("SendMessage") { body in
            body.field("MessageBody", message.body)
            if let group = message.group { body.field("MessageGroupId", group) }
            if let delay = message.delay { body.field("DelaySeconds", Int(delay.seconds.rounded(.up))) }
            if !message.attributes.isEmpty { Self.write(message.attributes, "MessageAttributes", into: &body) }
            if let trace = message.trace {
                Self.write(["AWSTraceHeader": trace], "MessageSystemAttributes", into: &body)
            }
        }
    }

    private static func write(_ attributes: [String: String], _ name: String, into body: inout JSONWriter) {
        body.object(name) { all in
            for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
                all.object(name) {
                    $0.field("DataType", "String")
                    $0.field("StringValue", value)
                }
            }
        }
    }

    private struct Described: Decodable { var Attributes: [String: String]? }
    private struct RedrivePolicy: Decodable {
        var deadLetterTargetArn: String
        var maxReceiveCount: Int

        enum CodingKeys: CodingKey { case deadLetterTargetArn, maxReceiveCount }

        /// The count is a number or, from some tools, a string.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            deadLetterTargetArn = try fields.decode(String.self, forKey: .deadLetterTargetArn)
            if let text = try? fields.decode(String.self, forKey: .maxReceiveCount) {
                maxReceiveCount = Int(text) ?? 0
            } else {
                maxReceiveCount = try fields.decode(Int.self, forKey: .maxReceiveCount)
            }
        }
    }

    package func attributes() async throws -> QueueAttributes {
        let described: Described = try await call("GetQueueAttributes") { $0.field("AttributeNames", ["All"]) }
        var attributes = QueueAttributes()
        func number(_ name: String) -> Int? { described.Attributes?[name].flatMap { Int($0) } }
        attributes.visibleMessages = number("ApproximateNumberOfMessages") ?? 0
        attributes.invisibleMessages = number("ApproximateNumberOfMessagesNotVisible") ?? 0
        attributes.delayedMessages = number("ApproximateNumberOfMessagesDelayed") ?? 0
        attributes.visibilityTimeout = .seconds(min(max(number("VisibilityTimeout") ?? 30, 0), 43_200))
        attributes.maximumMessageBytes = number("MaximumMessageSize") ?? attributes.maximumMessageBytes
        attributes.retention = .seconds(min(max(number("MessageRetentionPeriod") ?? 345_600, 60), 1_209_600))
        attributes.arn = described.Attributes?["QueueArn"]
        attributes.policy = described.Attributes?["Policy"]
        if let text = described.Attributes?["RedrivePolicy"],
            let policy = try? JSONDecoder().decode(RedrivePolicy.self, from: Data(text.utf8))
        {
            attributes.redrive = (policy.deadLetterTargetArn, policy.maxReceiveCount)
        }
        return attributes
    }

    private func call<Body: Decodable>(
        _ operation: String,
        timeout: Duration = .seconds(15),
        isLongPoll: Bool = false,
        _ fill: (inout JSONWriter) -> Void
    ) async throws -> Body {
        let body = JSONWriter.object {
            $0.field("QueueUrl", url)
            fill(&$0)
        }
        var request = HTTPRequest("POST", endpoint, path: endpoint.basePath + "/", body: body)
        request.headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.\(operation)")]
        request.timeout = timeout
        let response = try await client.send(request, of: dependency, isLongPoll: isLongPoll) {
            throw error(operation, $0, $1)
        }
        guard
            let parsed = try? JSONDecoder().decode(
                Body.self,
                from: Data(response.body.isEmpty ? Array("{}".utf8) : response.body)
            )
        else {
            throw Failure.transient("SQS \(operation) of \(url): unexpected response", of: dependency)
        }
        return parsed
    }

    private struct ErrorBody: Decodable {
        var __type: String?
        var message: String?
        var Message: String?
    }

    private func error(_ operation: String, _ response: HTTPResponse, _ signatureRejection: SignatureRejection?)
        -> AWSError
    {
        let body = try? JSONDecoder().decode(ErrorBody.self, from: Data(response.body))
        let name = body?.__type ?? response.headers["x-amzn-query-error"]?.prefix { $0 != ";" }.description ?? ""
        let code =
            name.split(separator: "#").last?.split(separator: ":").first?.split(separator: ".").last.map(String.init)
            ?? ""
        return AWSError(
            service: "SQS",
            operation: operation,
            resource: url,
            dependency: dependency,
            status: response.status,
            code: code,
            message: body?.message ?? body?.Message ?? "",
            retryAfter: response.headers.retryAfter,
            signatureRejection: signatureRejection
        )
    }
}
