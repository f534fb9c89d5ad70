import ExtractionWire

/// The fate of a message.
package enum Outcome: Equatable, Sendable {
    /// Everything that the message asks for is done: delete it.
    case done
    /// Later: make it visible again after a while; the queue counts, and moves it to the dead-letter queue in the end.
    case retry(String, after: Duration?)
    /// Never: send these to the dead-letter queue with their reasons, then delete it.
    case deadLetter([DeadLetter])
    /// Nothing will succeed now: keep the message, stop receiving, try again in place.
    case pause(String)
    /// For somebody else (a newer worker): make it visible again, without counting it as a failure.
    case leave(String)
}

/// What goes to the dead-letter queue: never document text.
package struct DeadLetter: Equatable, Sendable {
    /// Nil to send the message as it came.
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

    /// What a dead-letter queue's message says. One without a reason was moved there by the queue itself, after too many receives: then its body
    /// tells the object.
    package init(_ delivery: Delivery) {
        let attributes = delivery.attributes
        self.init(
            reason: attributes["reason"] ?? "too_many_receives",
            detail: attributes["detail"] ?? "moved by the queue: it was received again and again without an end",
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
    package init(_ failure: Failure, deadLetter: (Rejection) -> DeadLetter) {
        switch failure {
        case .transient(let text): self = .retry(text, after: nil)
        case .throttled(let text, let after): self = .retry(text, after: after)
        case .document(let rejection): self = .deadLetter([deadLetter(rejection)])
        case .fleet(let text): self = .pause(text)
        }
    }
}
