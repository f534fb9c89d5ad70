import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Observability
import Resilience
import TextCoding

/// `ingestctl dead-letters`: what both dead-letter queues hold, and why. Looking does not take anything away.
struct DeadLettersCommand: Command {
    static let declaration = CommandDeclaration(
        name: "dead-letters",
        summary: "list what the dead-letter queues hold: queue, reason, object, generation, time, trace, detail",
        settings: [Settings.ingestQueue.declaration, Settings.chunkQueue.declaration],
        example: "dead-letters"
    )

    /// The queues whose dead-letter messages are listed.
    private let queues: [String]

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        queues = [reader.read(Settings.ingestQueue), reader.read(Settings.chunkQueue)]
    }

    /// Long enough to look at every message once, at some hundred a second.
    private static let lookingTime = Duration.seconds(900)

    /// A message for each line: queue, reason, object, generation, when it was sent, trace, detail.
    func run(_ context: CommandContext) async throws -> String {
        let services = context.services
        var lines: [String] = []
        for url in queues {
            let queue = services.queue(url)
            guard let redrive = try await queue.attributes().redrive else {
                throw Failure.fleet("\(url) has no RedrivePolicy: it has no dead-letter queue")
            }
            let dead = queue.sibling(arn: redrive.deadLetterARN)
            let hidden = try await dead.attributes().invisibleMessages
            if hidden > 0 {
                let text = "another reader holds messages of the dead-letter queue: they are not listed"
                services.log.warning(text, ["queue": dead.url, "messages": "\(hidden)"])
            }
            lines += try await deadLetterMessages(dead).map(\.line)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func deadLetterMessages(_ queue: SQSQueue) async throws -> [DeadLetterLine] {
        let (found, receipts) = try await QueueListing.read {
            try await queue.receive(maximum: 10, wait: .seconds(1), visibility: Self.lookingTime)
        }
        for start in stride(from: 0, to: receipts.count, by: 10) {
            _ = try await queue.setVisibility(Array(receipts[start..<min(receipts.count, start + 10)]), .zero)
        }
        return found.map { DeadLetterLine($0, queue: queue.name) }.sorted { ($0.sent, $0.line) < ($1.sent, $1.line) }
    }
}

/// One dead-letter message, as it is listed.
struct DeadLetterLine {
    var sent: Timestamp
    var line: String

    init(_ delivery: Delivery, queue: String) {
        sent = delivery.sent
        let deadLetterMessage = DeadLetterMessage(delivery)
        let fields = [
            queue, deadLetterMessage.reason, deadLetterMessage.object,
            deadLetterMessage.generation.map(String.init) ?? "", delivery.sent.iso8601,
            delivery.trace ?? "", deadLetterMessage.detail,
        ]
        line = fields.map { $0.isEmpty ? "-" : $0.replacing("\t", with: " ").replacing("\n", with: " ").printable }
            .joined(separator: "\t")
    }
}
