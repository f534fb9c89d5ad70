import FoundationEssentials

/// Reads what S3 and what stands between it and the queue send: notifications of any version 2, the same inside SNS, and EventBridge.
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

    package static func parse(_ body: String) throws(Unreadable) -> Message { try parse(Data(body.utf8), depth: 0) }

    private struct Envelope: Decodable {
        var Records: [Notification]?
        var Event: String?
        var `Type`: String?
        var Message: String?
        var source: String?
        var detailType: String?
        var detail: Detail?

        enum CodingKeys: String, CodingKey {
            case Records, Event, `Type`, Message, source, detail
            case detailType = "detail-type"
        }
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
    }

    private struct Detail: Decodable {
        struct Bucket: Decodable { var name: String }
        struct Object: Decodable {
            var key: String
            var sequencer: String?
        }
        var bucket: Bucket
        var object: Object
    }

    private static func parse(_ data: Data, depth: Int) throws(Unreadable) -> Message {
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: data) else {
            throw Unreadable(
                description: "the message is not an S3 event: not the JSON that S3, SNS or EventBridge send"
            )
        }
        if let records = envelope.Records { return .changes(try changes(records)) }
        if envelope.Event == "s3:TestEvent" { return .test }
        if envelope.Type == "Notification", let inner = envelope.Message, depth == 0 {
            return try parse(Data(inner.utf8), depth: 1)
        }
        if envelope.source == "aws.s3", let type = envelope.detailType {
            guard concernsContent(bridgeEvent: type) else { return .changes([]) }
            guard let detail = envelope.detail else {
                throw Unreadable(description: "the EventBridge event names no object")
            }
            // EventBridge gives the key as it is; only notifications encode it.
            let object = ObjectReference(bucket: detail.bucket.name, key: detail.object.key)
            return .changes([ObjectChange(object: object, event: type, sequencer: detail.object.sequencer)])
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
            let object = ObjectReference(bucket: entity.bucket.name, key: key)
            changes.append(ObjectChange(object: object, event: name, sequencer: entity.object.sequencer))
        }
        return changes
    }

    /// Whether the event may mean that GET answers something else than before; tags, ACLs and replication do not.
    private static func concernsContent(notification name: String) -> Bool {
        let family = name.split(separator: ":").first ?? ""
        return ["ObjectCreated", "ObjectRemoved", "LifecycleExpiration"].contains(family)
            || name == "ObjectRestore:Completed"
    }

    private static func concernsContent(bridgeEvent type: String) -> Bool {
        ["Object Created", "Object Deleted", "Object Restore Completed"].contains(type)
    }
}

extension ObjectChange {
    /// A notification that says no more than "this key may have changed", for replays and repeated work.
    package static func hint(for object: ObjectReference) -> String {
        let body = JSONWriter.object { event in
            event.key("Records")
            event.array { records in
                records.object { record in
                    record.field("eventVersion", "2.1")
                    record.field("eventSource", "aws:s3")
                    record.field("eventName", "ObjectCreated:Put")
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
