extension DeadLetterMessage {
    /// What a message of a dead-letter queue says. One without a reason was moved there by the queue itself, after too many receives: then
    /// its body names the object.
    package init(_ delivery: Delivery) {
        let attributes = delivery.attributes
        self.init(
            reason: attributes["reason"] ?? "too_many_receives",
            detail: attributes["detail"] ?? "exceeded maxReceiveCount (moved by SQS)",
            object: attributes["object"] ?? "",
            generation: attributes["generation"].flatMap { Int($0) }
        )
        if object.isEmpty { read(delivery.body) }
    }

    /// The objects that the body of an event or a chunk message names, for a log line; empty where it cannot be read.
    package static func objects(of delivery: Delivery) -> String {
        var message = DeadLetterMessage(reason: "", detail: "")
        message.read(delivery.body)
        return message.object
    }

    private mutating func read(_ body: String) {
        if let message = try? ChunkMessage(decoding: body) {
            object = message.header.object.description
            generation = message.header.generation
        } else if case .changes(let changes) = try? EventParser.parse(body) {
            object = changes.map(\.object.description).joined(separator: ", ")
        }
    }
}
