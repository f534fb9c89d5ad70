/// Where a bucket sends its events.
package struct BucketNotifications: Equatable, Sendable {
    /// By the queue's ARN: the kinds of events.
    package var queues: [String: Set<String>] = [:]
    package var hasTopic = false
    package var hasEventBridge = false

    init(_ configuration: XMLElement) {
        for queue in configuration.all("QueueConfiguration") {
            let events = queue.all("Event").map(\.text)
            queues[queue.first("Queue")?.text ?? "", default: []].formUnion(events)
        }
        hasTopic = !configuration.all("TopicConfiguration").isEmpty
        hasEventBridge = !configuration.all("EventBridgeConfiguration").isEmpty
    }

    /// What keeps changes of the bucket from the queue; nil where nothing does, or where another service is in between.
    package func problem(_ queue: String) -> String? {
        guard let events = queues[queue] else {
            if hasTopic || hasEventBridge { return nil }
            return "the bucket does not notify the queue: no change would ever be received"
        }
        let families = ["ObjectCreated", "ObjectRemoved", "LifecycleExpiration"]
        let missing = families.filter { family in !events.contains { $0.contains(family) } }
        guard !missing.isEmpty else { return nil }
        return
            "the bucket notifies the queue of \(events.sorted().joined(separator: ", ")) only: add \(missing.map { "s3:\($0):*" }.joined(separator: ", "))"
    }
}
