import ExtractionWire
import FoundationEssentials
import HTTPTransport
import TextCoding

/// Reads what S3 and what is between it and the queue send: notifications of any version 2, the same inside SNS, and EventBridge.
package enum EventParser {
    package enum Message: Equatable, Sendable {
        case changes([ObjectChange])
        /// S3 says that notifications were set up.
        case test
    }

    /// A message that is none of these.
    package struct Unreadable: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// SNS to SNS, EventBridge Pipes, a Lambda destination: no setup nests deeper.
    private static let maximumDepth = 3

    package static func parse(_ body: String) throws(Unreadable) -> Message { try parse(Data(body.utf8), depth: 0) }

    private struct Envelope: Decodable {
        var Records: [Notification]?
        var Event: String?
        var `Type`: String?
        var Message: String?
        var source: String?
        var detailType: String?
        var detail: Detail?
        /// A Lambda destination's envelope.
        var requestPayload: Payload?

        enum CodingKeys: String, CodingKey {
            case Records, Event, `Type`, Message, source, detail, requestPayload
            case detailType = "detail-type"
        }
    }

    /// An envelope inside another one.
    private final class Payload: Decodable {
        let envelope: Envelope

        init(from decoder: any Decoder) throws { envelope = try Envelope(from: decoder) }
    }

    private struct Notification: Decodable {
        struct Entity: Decodable {
            struct Bucket: Decodable { var name: String }
            struct Object: Decodable {
                var key: String
                var sequencer: String?
            }
            var bucket: Bucket
            var object: Object
        }
        var eventVersion: String?
        var eventSource: String?
        var eventName: String?
        var s3: Entity?
        /// The fleet's own: an operator requested a retry of a rejected document.
        var retriesRejected: Bool?
        /// The fleet's own: a repair.
        var rebuilds: Bool?
        /// The fleet's own: a replay.
        var lane: String?
    }

    private struct Detail: Decodable {
        struct Bucket: Decodable { var name: String }
        struct Object: Decodable {
            var key: String
            var sequencer: String?
        }
        // API calls through CloudTrail have another detail, and other types.
        var bucket: Bucket?
        var object: Object?

        enum CodingKeys: CodingKey { case bucket, object }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            bucket = try? fields.decode(Bucket.self, forKey: .bucket)
            object = try? fields.decode(Object.self, forKey: .object)
        }
    }

    private static func parse(_ data: Data, depth: Int) throws(Unreadable) -> Message {
        if let envelope = try? JSONDecoder().decode(Envelope.self, from: data) { return try parse(envelope, depth) }
        // EventBridge Pipes send a list of what they read.
        if let list = try? JSONDecoder().decode([Payload].self, from: data), !list.isEmpty {
            var changes: [ObjectChange] = []
            for item in list {
                if case .changes(let more) = try parse(item.envelope, depth + 1) { changes += more }
            }
            return .changes(changes)
        }
        throw Unreadable(description: "the message is not an S3 event: not the JSON that S3, SNS or EventBridge send")
    }

    private static func parse(_ envelope: Envelope, _ depth: Int) throws(Unreadable) -> Message {
        if let records = envelope.Records { return .changes(try changes(records)) }
        if envelope.Event == "s3:TestEvent" { return .test }
        if envelope.Type == "Notification", let inner = envelope.Message, depth < maximumDepth {
            return try parse(Data(inner.utf8), depth: depth + 1)
        }
        // SNS says that a subscription was made or ended. Nothing is confirmed: that needs a call to an address of the message.
        if let type = envelope.Type, ["SubscriptionConfirmation", "UnsubscribeConfirmation"].contains(type) {
            return .changes([])
        }
        if let payload = envelope.requestPayload, depth < maximumDepth { return try parse(payload.envelope, depth + 1) }
        if envelope.source == "aws.s3", let type = envelope.detailType {
            guard concernsContent(bridgeEvent: type) else { return .changes([]) }
            guard let detail = envelope.detail, let bucket = detail.bucket, let entry = detail.object else {
                throw Unreadable(description: "the EventBridge event names no object")
            }
            // EventBridge gives the key as it is; only notifications encode it.
            let object = try reference(bucket.name, entry.key)
            return .changes([ObjectChange(object: object, event: type, sequencer: entry.sequencer)])
        }
        throw Unreadable(
            description: "the message is not an S3 event: it has neither Records nor an SNS or EventBridge envelope"
        )
    }

    private static func changes(_ records: [Notification]) throws(Unreadable) -> [ObjectChange] {
        var changes: [ObjectChange] = []
        for record in records {
            let major = record.eventVersion?.split(separator: ".").first ?? ""
            guard major == "2" else {
                throw Unreadable(
                    description: "the event has version \(record.eventVersion ?? "none"); versions 2.x are understood"
                )
            }
            var name = record.eventName ?? ""
            if name.hasPrefix("s3:") { name.removeFirst(3) }
            guard concernsContent(notification: name) else { continue }
            guard let entity = record.s3 else { throw Unreadable(description: "the event \(name) names no object") }
            guard let key = PercentEncoding.decodeForm(entity.object.key) else {
                throw Unreadable(description: "the event \(name) has a key that is not UTF-8")
            }
            let object = try reference(entity.bucket.name, key)
            var change = ObjectChange(
                object: object,
                event: name,
                sequencer: entity.object.sequencer,
                retriesRejected: record.retriesRejected ?? false,
                rebuilds: record.rebuilds ?? false
            )
            change.lane = record.lane.flatMap(Lane.init) ?? .live
            changes.append(change)
        }
        return changes
    }

    /// A bucket's name becomes a part of the host that is called, with a signature: what S3 would not take as one is refused here.
    private static func reference(_ bucket: String, _ key: String) throws(Unreadable) -> ObjectReference {
        guard BucketName.isValid(bucket) else {
            throw Unreadable(
                description: "the event names a bucket that cannot be one: \(bucket.prefix(utf8: 64).printable)"
            )
        }
        // "Object keys: up to 1,024 bytes long" (S3 user guide); an empty one would address the bucket itself.
        guard (1...1024).contains(key.utf8.count) else {
            throw Unreadable(description: "the event names a key of \(key.utf8.count) bytes; S3 has 1 to 1,024")
        }
        return ObjectReference(bucket: bucket, key: key)
    }

    /// Whether the object or its tags may be other after the event than before it; ACLs and replication change neither.
    private static func concernsContent(notification name: String) -> Bool {
        let family = name.split(separator: ":").first ?? ""
        return ["ObjectCreated", "ObjectRemoved", "LifecycleExpiration", "ObjectTagging"].contains(family)
            || name == "ObjectRestore:Completed"
    }

    private static func concernsContent(bridgeEvent type: String) -> Bool {
        ["Object Created", "Object Deleted", "Object Restore Completed", "Object Tags Added", "Object Tags Deleted"]
            .contains(type)
    }
}

extension ObjectChange {
    /// What S3 sends when notifications are set up, which every worker acknowledges, with a character that SQS refuses: for probes.
    package static let probeEvent =
        "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"probe\u{FFFE}\"}"

    /// A notification that says no more than "this key may have changed", for replays and repeated work.
    ///
    /// - Parameters:
    ///   - retriesRejected: retry the document even if it is already rejected.
    ///   - rebuilds: make a new version even of known content.
    package static func hint(
        for object: ObjectReference,
        retriesRejected: Bool = false,
        rebuilds: Bool = false,
        lane: Lane = .live
    ) -> String {
        let body = JSONWriter.object { event in
            event.key("Records")
            event.array { records in
                records.object { record in
                    record.field("eventVersion", "2.1")
                    record.field("eventSource", "aws:s3")
                    record.field("eventName", "ObjectCreated:Put")
                    if retriesRejected { record.field("retriesRejected", true) }
                    if rebuilds { record.field("rebuilds", true) }
                    if lane != .live { record.field("lane", lane.rawValue) }
                    record.object("s3") { entity in
                        entity.object("bucket") { $0.field("name", object.bucket) }
                        entity.object("object") {
                            $0.field("key", PercentEncoding.encode(object.key, keepingSlashes: true))
                        }
                    }
                }
            }
        }
        return String(decoding: body, as: UTF8.self)
    }
}
