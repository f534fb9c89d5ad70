import ExtractionWire

/// What happens to a message.
package enum Outcome: Equatable, Sendable {
    /// The work is complete: acknowledge (delete) the message.
    case done
    /// Release it for a later receive. The queue counts, and the last receive ends in a rejection.
    case retry(String, after: Duration?)
    /// Send these to the dead-letter queue with their reasons, then delete it.
    case deadLetter([DeadLetterMessage])
    /// A dependency failed. The work loop decides whether this is about the message.
    case blocked(Failure)
    /// Back into the queue as a delayed copy, which does not count as a receive: what it needs is unavailable, and others' messages go on.
    case park(String)
    /// For other workers (a newer one): back into the queue as a delayed copy.
    case leave(String)
}

/// What goes to the dead-letter queue: never document text.
package struct DeadLetterMessage: Equatable, Sendable {
    /// Nil to send the message as it was received.
    package var body: String?
    package var reason: String
    package var detail: String
    package var object: String
    package var generation: Int?

    package init(body: String? = nil, reason: String, detail: String, object: String = "", generation: Int? = nil) {
        self.body = body
        self.reason = reason
        self.detail = detail
        self.object = object
        self.generation = generation
    }

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
        guard object.isEmpty else { return }
        if let message = try? ChunkMessage(decoding: delivery.body) {
            object = message.header.object.description
            generation = message.header.generation
        } else if case .changes(let changes) = try? EventParser.parse(delivery.body) {
            object = changes.map(\.object.description).joined(separator: ", ")
        }
    }

    var attributes: [String: String] {
        var attributes = ["reason": reason, "detail": detail, "object": Self.printable(object)]
        if let generation { attributes["generation"] = String(generation) }
        return attributes.filter { !$0.value.isEmpty }
    }

    /// SQS refuses control characters in attributes.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value & 0xFFFE == 0xFFFE ? "\u{FFFD}" : $0 }
            )
        )
    }
}

extension Outcome {
    /// What a failure means for its message.
    package init(_ failure: Failure, deadLetter: (Rejection) -> DeadLetterMessage) {
        switch failure {
        case .transient(let text, nil): self = .retry(text, after: nil)
        case .throttled(let text, let after, nil): self = .retry(text, after: after)
        case .document(let rejection): self = .deadLetter([deadLetter(rejection)])
        case .transient, .throttled, .fleet: self = .blocked(failure)
        }
    }
}
