import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl dead-letters list`: looking does not take anything away.
struct DeadLettersListCommand: Command {
    static let declaration = CommandDeclaration(
        name: "dead-letters list",
        summary: "list what the dead-letter queues hold: queue, reason, object, generation, time, trace, detail",
        settings: DeadLetterSelection.declarations + [grouped.declaration],
        example: "dead-letters list --by-reason",
        needs: .clusterWhereSet,
        json: [
            "dead-letter": "queue messageId reason detail object generation? sent receives trace?",
            "dead-letters": "queue reason messages oldest",
        ]
    )

    private static let grouped = Setting.toggle("BY_REASON", "count them by queue and reason").asFlagOnly
    private let selection: DeadLetterSelection
    private let isGrouped: Bool

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        selection = DeadLetterSelection(&reader)
        isGrouped = reader.read(Self.grouped)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        try await selection.run(context) { queue, items in
            if isGrouped {
                let groups = Dictionary(grouping: items, by: \.message.reason)
                for (reason, group) in groups.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
                    let oldest = group[0].delivery.sent.iso8601
                    let line = [queue.queue.name, reason, "\(group.count)", "oldest \(oldest)"]
                    context.output.item("dead-letters", line.map(\.oneLine).joined(separator: "\t")) {
                        $0.field("queue", queue.queue.name)
                        $0.field("reason", reason)
                        $0.field("messages", group.count)
                        $0.field("oldest", oldest)
                    }
                }
            } else {
                for item in items { context.output.item("dead-letter", item.line(queue)) { item.write(queue, &$0) } }
            }
        }
        return .success
    }
}

/// `ingestctl dead-letters show`: with the bodies, which are events: never document text.
struct DeadLettersShowCommand: Command {
    static let declaration = CommandDeclaration(
        name: "dead-letters show",
        summary: "print dead-letter messages in full",
        settings: DeadLetterSelection.declarations,
        example: "dead-letters show --object s3://my-documents/report.pdf",
        needs: .clusterWhereSet,
        finding: "there is no such message",
        json: ["dead-letter": "queue messageId reason detail object generation? sent receives trace? body attributes"]
    )

    private let selection: DeadLetterSelection

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        selection = DeadLetterSelection(&reader)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        var count = 0
        try await selection.run(context) { queue, items in
            count += items.count
            for item in items {
                context.output.item("dead-letter", item.text(queue)) { json in
                    item.write(queue, &json)
                    json.field("body", item.body)
                    json.object("attributes") { attributes in
                        for (name, value) in item.delivery.attributes.sorted(by: { $0.key < $1.key }) {
                            attributes.field(name, value)
                        }
                    }
                }
            }
        }
        return count > 0 ? .success : .finding
    }
}

/// `ingestctl dead-letters redrive`.
struct DeadLettersRedriveCommand: Command {
    static let declaration = CommandDeclaration(
        name: "dead-letters redrive",
        summary: "send dead-letter messages back to their queues: the documents are tried again",
        settings: DeadLetterSelection.declarations + [Pacing.dryRun.declaration, Pacing.rate.declaration],
        example: "dead-letters redrive --reason too_large",
        needs: .clusterWhereSet,
        json: [
            "redrive": "queue messageId reason detail object generation? sent receives trace?",
            "summary": "messages",
        ]
    )

    private let selection: DeadLetterSelection
    private let pacing: Pacing

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        (selection, pacing) = (DeadLetterSelection(&reader), Pacing(&reader))
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        var count = 0
        var pace = pacing.pace(context.services.time)
        try await selection.run(context) { queue, items in
            for item in items {
                if !pacing.isDryRun {
                    try await queue.redrive(item)
                    try await pace.wait()
                }
                count += 1
                let word = pacing.isDryRun ? "would redrive" : "redriven"
                context.output.item("redrive", "\(word)\t\(item.line(queue))") { item.write(queue, &$0) }
            }
        }
        context.output.item("summary", "\(count) messages") { $0.field("messages", count) }
        return .success
    }
}

/// `ingestctl dead-letters purge`.
struct DeadLettersPurgeCommand: Command {
    static let declaration = CommandDeclaration(
        name: "dead-letters purge",
        summary: "delete dead-letter messages for good; 'ingestctl retry' still finds what the ledger rejected",
        settings: DeadLetterSelection.declarations + [everything.declaration, Pacing.dryRun.declaration],
        example: "dead-letters purge --reason malformed",
        needs: .clusterWhereSet,
        json: [
            "purge": "queue messageId reason detail object generation? sent receives trace?",
            "summary": "messages",
        ]
    )

    private static let everything = Setting.toggle("ALL", "all messages of both queues").asFlagOnly
    private let selection: DeadLetterSelection
    private let isDryRun: Bool

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        selection = DeadLetterSelection(&reader)
        isDryRun = reader.read(Pacing.dryRun)
        if !reader.read(Self.everything), !selection.isNarrow {
            reader.usage("which messages? Choose by --reason or --object, or say --all")
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        var count = 0
        try await selection.run(context) { queue, items in
            for item in items {
                if !isDryRun { try await queue.delete(item) }
                count += 1
                let word = isDryRun ? "would delete" : "deleted"
                context.output.item("purge", "\(word)\t\(item.line(queue))") { item.write(queue, &$0) }
            }
        }
        context.output.item("summary", "\(count) messages") { $0.field("messages", count) }
        return .success
    }
}

extension DeadLetterQueue.Item {
    /// Queue, reason, object, generation, time, trace, detail, between tabs.
    func line(_ queue: DeadLetterQueue) -> String {
        let fields = [
            queue.queue.name, message.reason, message.object, message.generation.map(String.init) ?? "",
            delivery.sent.iso8601, delivery.trace ?? "", message.detail,
        ]
        return fields.map { $0.isEmpty ? "-" : $0.oneLine }.joined(separator: "\t")
    }

    /// A chunk message carries chunks, which are text.
    var body: String {
        (try? ChunkMessage(decoding: delivery.body)) == nil
            ? delivery.body : "(a chunk message of \(delivery.body.utf8.count) bytes)"
    }

    func text(_ queue: DeadLetterQueue) -> String {
        let rows = [
            ("queue", queue.queue.name), ("message", delivery.messageID), ("reason", message.reason),
            ("detail", message.detail), ("object", message.object),
            ("generation", message.generation.map(String.init) ?? "-"), ("sent", delivery.sent.iso8601),
            ("receives", "\(delivery.queueReceiveCount)"), ("trace", delivery.trace ?? "-"), ("body", body),
        ]
        return rows.map { name, value in
            name + String(repeating: " ", count: 12 - name.count) + value.oneLine
        }.joined(separator: "\n") + "\n"
    }

    func write(_ queue: DeadLetterQueue, _ json: inout JSONWriter) {
        json.field("queue", queue.queue.name)
        json.field("messageId", delivery.messageID)
        json.field("reason", message.reason)
        json.field("detail", message.detail)
        json.field("object", message.object)
        if let generation = message.generation { json.field("generation", generation) }
        json.field("sent", delivery.sent.iso8601)
        json.field("receives", delivery.queueReceiveCount)
        if let trace = delivery.trace { json.field("trace", trace) }
    }
}
