import CommandLineOptions
import IngestCore
import Observability
import Resilience
import TextCoding

/// Which dead-letter messages a command is about, and the way to them.
struct DeadLetterSelection: Sendable {
    static let reason = Setting.text("REASON", "code", "only messages with this reason", default: "").asFlagOnly
    static let object = Setting.text(
        "OBJECT",
        "s3://bucket/key",
        "only messages about this object, or below this prefix (with a star at its end)",
        default: ""
    ).asFlagOnly
    static let declarations =
        [CommandContext.pipelineSetting, reason, object, Settings.ingestQueue.optional, Settings.chunkQueue.optional]
        .map(\.declaration)

    let reason: String
    let address: ObjectAddress?
    private let queues: [String]

    init(_ reader: inout SettingsReader) {
        reason = reader.read(Self.reason)
        let text = reader.read(Self.object)
        address = ObjectAddress(text)
        if !text.isEmpty, address == nil {
            reader.usage("--object is not a valid s3://bucket/key: \"\(text.printable)\"")
        }
        queues = [reader.read(Settings.ingestQueue.optional), reader.read(Settings.chunkQueue.optional)]
    }

    /// A choice was made.
    var isNarrow: Bool { !reason.isEmpty || address != nil }

    /// Calls `body` for each dead-letter queue with the chosen messages, as the only reader of them.
    func run(_ context: CommandContext, _ body: (DeadLetterQueue, [DeadLetterQueue.Item]) async throws -> Void)
        async throws
    {
        for source in try await sources(context) {
            let queue = try await DeadLetterQueue(of: source)
            let hidden = try await alone(queue, context) {
                try await queue.read { try await body(queue, $0.filter(isChosen)) }.hidden
            }
            guard hidden > 0 else { continue }
            context.output.note("another reader holds \(hidden) messages of \(queue.queue.url): they are not seen")
        }
    }

    /// Where there is a cluster, two operators take turns, so that both see everything.
    private func alone<Value>(_ queue: DeadLetterQueue, _ context: CommandContext, _ body: () async throws -> Value)
        async throws -> Value
    {
        guard context.hasCluster else { return try await body() }
        let lease = RegistryLease(queue.queue.url, client: context.services.openSearch, time: context.services.time)
        return try await lease.run(
            waiting: { context.output.note("waiting for another reader of \(queue.queue.url) (\($0))") },
            body
        )
    }

    private func sources(_ context: CommandContext) async throws -> [SQSQueue] {
        if queues.allSatisfy({ !$0.isEmpty }) { return queues.map { context.services.queue($0) } }
        guard context.hasCluster else {
            throw UsageProblem("which queues? Set INGEST_QUEUE_URL and CHUNK_QUEUE_URL, or OPENSEARCH_URL to find them")
        }
        let pipeline = try await context.pipeline()
        guard let chunks = pipeline.chunks else { return [try context.events(pipeline)] }
        return [try context.events(pipeline), context.services.queue(chunks.url)]
    }

    private func isChosen(_ item: DeadLetterQueue.Item) -> Bool {
        if !reason.isEmpty, !item.message.reason.utf8.elementsEqual(reason.utf8) { return false }
        guard let address else { return true }
        return item.message.object.split(separator: ", s3://").contains { part in
            let text = part.hasPrefix("s3://") ? String(part) : "s3://\(part)"
            guard var named = ObjectAddress(text) else { return false }
            named.isPrefix = false
            return address.contains(named.object)
        }
    }
}
