import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import IngestCore
import Resilience
import TextCoding

/// A standard queue: at least once, in any order, with visibility timeouts. Unchecked: one thread.
final class SimulatedQueue: @unchecked Sendable {
    struct Message {
        var id: Int
        var body: String
        var attributes: [String: String] = [:]
        var trace: String?
        var sent: Timestamp
        var visibleAt: Duration
        var receives = 0
        /// The last one; older ones no longer count.
        var receipt = ""
        var holder = ""
        /// Released for later.
        var isBackingOff = false
        /// The document it is about.
        var document: String
        /// When its event was made: copies keep it.
        var born: Timestamp
    }

    let name: String
    let lane: Lane
    var messages: [Message] = []
    /// Polls that wait for something to change.
    var polls: [Promise<Void>] = []
    private var counter = 0

    init(_ name: String, _ lane: Lane) {
        self.name = name
        self.lane = lane
    }

    func add(
        _ body: String,
        _ attributes: [String: String] = [:],
        trace: String? = nil,
        document: String,
        now: Timestamp,
        visibleAt: Duration
    ) {
        counter += 1
        let message = Message(
            id: counter,
            body: body,
            attributes: attributes,
            trace: trace,
            sent: now,
            visibleAt: visibleAt,
            document: document,
            born: now
        )
        messages.append(message)
        wakePolls()
    }

    func wakePolls() {
        for poll in polls { poll.fulfil(.success(())) }
        polls = []
    }

    func nextReceipt() -> String {
        counter += 1
        return "\(name)-\(counter)"
    }
}

/// Answers one worker's calls of the SQS JSON protocol.
struct SimulatedSQS {
    let world: World
    let process: SimulatedProcess

    private struct Call: Decodable {
        struct Entry: Decodable {
            var Id: String
            var ReceiptHandle: String
            var VisibilityTimeout: Int?
        }
        struct Attribute: Decodable { var StringValue: String }
        var QueueUrl: String
        var MaxNumberOfMessages: Int?
        var WaitTimeSeconds: Int?
        var Entries: [Entry]?
        var MessageBody: String?
        var DelaySeconds: Int?
        var MessageAttributes: [String: Attribute]?
    }

    func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        let target = request.headers.first { $0.name == "x-amz-target" }?.value ?? ""
        let call = try JSONDecoder().decode(Call.self, from: Data(request.body))
        let queue = world.queue(call.QueueUrl)
        let body: [UInt8]
        switch target {
        case "AmazonSQS.ReceiveMessage": body = try await receive(queue, call)
        case "AmazonSQS.DeleteMessageBatch": body = entries(queue, call, delete)
        case "AmazonSQS.ChangeMessageVisibilityBatch": body = entries(queue, call, change)
        case "AmazonSQS.SendMessage":
            guard call.MessageBody?.contains("\u{FFFE}") != true else {
                let refusal = #"{"__type":"com.amazonaws.sqs#InvalidMessageContents","message":"invalid character"}"#
                return HTTPResponse(status: 400, body: Array(refusal.utf8))
            }
            body = send(queue, call)
        default: body = Array(#"{"Attributes":{}}"#.utf8)
        }
        return HTTPResponse(status: 200, body: body)
    }

    private func receive(_ queue: SimulatedQueue, _ call: Call) async throws -> [UInt8] {
        let maximum = call.MaxNumberOfMessages ?? 1
        let room = world.story.concurrency - process.jobs
        if maximum > room {
            world.violate(.bounded, "\(process.name) asks for \(maximum) messages with room for \(room)", "")
        }
        let end = world.uptime + .seconds(call.WaitTimeSeconds ?? 0)
        var found = take(queue, maximum)
        while found.isEmpty, world.uptime < end {
            let next = queue.messages.map(\.visibleAt).filter { $0 > world.uptime }.min() ?? end
            let alarm = world.scheduler.clock.alarm(after: min(next, end) - world.uptime)
            queue.polls.append(alarm)
            try await process.wait(for: alarm)
            found = take(queue, maximum)
        }
        return JSONWriter.object { json in
            guard !found.isEmpty else { return }
            json.key("Messages")
            json.array { messages in
                for message in found { messages.object { write(message, into: &$0) } }
            }
        }
    }

    private func write(_ message: SimulatedQueue.Message, into json: inout JSONWriter) {
        json.field("MessageId", "\(message.id)")
        json.field("ReceiptHandle", message.receipt)
        json.field("Body", message.body)
        json.object("Attributes") {
            $0.field("ApproximateReceiveCount", "\(message.receives)")
            $0.field("SentTimestamp", "\(message.sent.milliseconds)")
            if let trace = message.trace { $0.field("AWSTraceHeader", trace) }
        }
        json.object("MessageAttributes") { all in
            for (name, value) in message.attributes.sorted(by: { $0.key < $1.key }) {
                all.object(name) { $0.field("StringValue", value) }
            }
        }
    }

    private func take(_ queue: SimulatedQueue, _ maximum: Int) -> [SimulatedQueue.Message] {
        var places = queue.messages.indices.filter { queue.messages[$0].visibleAt <= world.uptime }
        world.faults.shuffle(&places)
        return places.prefix(maximum).map { place in
            let isDoubled = world.strikes(.duplicated)
            let lease: Duration = isDoubled ? .milliseconds(world.faults.draw(0...3000)) : World.visibility
            let previous = queue.messages[place].receipt
            queue.messages[place].receives += 1
            queue.messages[place].visibleAt = world.uptime + lease
            queue.messages[place].receipt = queue.nextReceipt()
            queue.messages[place].holder = process.name
            queue.messages[place].isBackingOff = false
            let message = queue.messages[place]
            let how =
                "receives \(queue.name) message \(message.id), time \(message.receives)\(isDoubled ? ", DOUBLED" : "")"
            world.note(process.name, how, message.document)
            world.watcher(queue.lane).received(message, after: previous, from: queue, isDoubled: isDoubled)
            return message
        }
    }

    /// A batch with an outcome for each entry; nil is success.
    private func entries(_ queue: SimulatedQueue, _ call: Call, _ one: (SimulatedQueue, Call.Entry) -> String?)
        -> [UInt8]
    {
        let outcomes = (call.Entries ?? []).map { entry -> (String, String?) in
            guard world.strikes(.itemFailed) else { return (entry.Id, one(queue, entry)) }
            process.metFault = true
            return (entry.Id, "InternalError")
        }
        return JSONWriter.object { json in
            json.key("Failed")
            json.array { failed in
                for (id, code) in outcomes {
                    guard let code else { continue }
                    failed.object {
                        $0.field("Id", id)
                        $0.field("Code", code)
                    }
                }
            }
        }
    }

    private func delete(_ queue: SimulatedQueue, _ entry: Call.Entry) -> String? {
        guard let place = queue.messages.firstIndex(where: { $0.receipt == entry.ReceiptHandle }) else { return nil }
        let message = queue.messages.remove(at: place)
        world.note(process.name, "deletes \(queue.name) message \(message.id)", message.document)
        if queue.name == "events" { world.watcher(queue.lane).eventDeleted(message) }
        return nil
    }

    private func change(_ queue: SimulatedQueue, _ entry: Call.Entry) -> String? {
        guard let place = queue.messages.firstIndex(where: { $0.receipt == entry.ReceiptHandle }),
            queue.messages[place].visibleAt > world.uptime, !world.strikes(.leaseLost)
        else {
            process.metFault = true
            if let message = queue.messages.first(where: { $0.receipt == entry.ReceiptHandle }) {
                world.note(process.name, "LOSES THE LEASE of \(queue.name) message \(message.id)", message.document)
                world.watcher(queue.lane).leaseLost(message, of: queue)
            }
            return "ReceiptHandleIsInvalid"
        }
        let timeout = Duration.seconds(entry.VisibilityTimeout ?? 0)
        queue.messages[place].visibleAt = world.uptime + timeout
        queue.messages[place].isBackingOff = !process.receipts.contains(entry.ReceiptHandle)
        let message = queue.messages[place]
        queue.wakePolls()
        let how = "keeps \(queue.name) message \(message.id) for \(entry.VisibilityTimeout ?? 0) s"
        world.note(process.name, how, message.document)
        return nil
    }

    private func send(_ queue: SimulatedQueue, _ call: Call) -> [UInt8] {
        let body = call.MessageBody ?? ""
        let document = Self.document(of: body, queue, world)
        let attributes = (call.MessageAttributes ?? [:]).mapValues(\.StringValue)
        let visibleAt = world.uptime + .seconds(call.DelaySeconds ?? 0)
        queue.add(body, attributes, document: document, now: world.now, visibleAt: visibleAt)
        world.note(process.name, "sends to \(queue.name) \(attributes["reason"] ?? "")", document)
        if queue.name == "chunks" { world.watcher(queue.lane).handedOff(body) }
        return Array(#"{"MessageId":"x"}"#.utf8)
    }

    static func document(of body: String, _ queue: SimulatedQueue, _ world: World) -> String {
        if let message = try? ChunkMessage(decoding: body) { return message.header.object.key }
        guard case .changes(let changes) = try? EventParser.parse(body) else { return "" }
        return changes.first?.object.key ?? ""
    }
}

/// Session keys, which end when a fault says so. Unchecked: one thread.
final class SimulatedTokens: @unchecked Sendable {
    private var issued = 0
    private var firstValid = 1

    func expireAll() { firstValid = issued + 1 }

    func issue(at now: Timestamp) -> HTTPResponse {
        issued += 1
        return HTTPResponse(status: 200, body: Array("\(issued)".utf8))
    }

    func refusal(of request: HTTPRequest) -> HTTPResponse? {
        let token = request.headers.first { $0.name == "x-amz-security-token" }?.value ?? ""
        if (Int(token) ?? 0) >= firstValid { return nil }
        let body = "<Error><Code>ExpiredToken</Code></Error>"
        return HTTPResponse(status: 403, body: Array(body.utf8))
    }
}

/// A worker's session keys.
struct SimulatedCredentials: CredentialProvider {
    let process: SimulatedProcess

    func credentials() async throws -> Credentials {
        let keys = Endpoint(isSecure: false, host: "keys")
        let answer: HTTPResponse
        do {
            answer = try await process.execute(HTTPRequest("GET", keys, path: "/"))
        } catch let error as HTTPError {
            throw Failure.transient("no keys: \(error)")
        }
        return Credentials(
            accessKeyID: "AKID",
            secretAccessKey: "secret",
            sessionToken: String(decoding: answer.body, as: UTF8.self),
            expiration: process.now.advanced(by: .seconds(3600))
        )
    }
}
