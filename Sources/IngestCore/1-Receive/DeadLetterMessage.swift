import Observability
import TextCoding

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

    var attributes: [String: String] {
        var attributes = [
            "reason": reason, "detail": KnownSecrets.shared.masked(detail).printable, "object": Self.printable(object),
        ]
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
