import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl pipelines`.
struct PipelinesCommand: Command {
    static let declaration = CommandDeclaration(
        name: "pipelines",
        summary: "list the pipelines of the alias: state, documents, lag, size, settings",
        settings: [everyAlias.declaration],
        example: "pipelines",
        json: [
            "pipeline":
                "index alias fingerprint state isRead documents pending chunks? bytes? eventsWaiting? chunkMessagesWaiting? workers paused eventQueue? chunkQueue? documentsRules? tenant? settings created"
        ]
    )

    private static let everyAlias = Setting.toggle("ALL", "the pipelines of every alias of the cluster").asFlagOnly
    private let isEveryAlias: Bool

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        isEveryAlias = reader.read(Self.everyAlias)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let found = try await context.registry.all().filter { isEveryAlias || $0.alias == context.common.names.alias }
        if found.isEmpty { context.output.note("no pipeline is registered: 'ingestctl setup' registers one") }
        let reports = try await WorkerReports(client: context.services.openSearch).running(
            at: context.services.time.now
        )
        for pipeline in found {
            let figures = try await PipelineFigures(pipeline, context, reports)
            context.output.item("pipeline", figures.text) { figures.write(into: &$0) }
        }
        return .success
    }
}

/// What is known of one pipeline.
struct PipelineFigures: Sendable {
    let pipeline: PipelineRecord
    let size: IndexSize?
    let readers: [String]
    let live: Int
    let pending: Int
    /// Messages that wait or are at work; nil where the queue cannot be read.
    let waiting: (events: Int?, chunks: Int?)
    let workers: [String: Int]

    init(_ pipeline: PipelineRecord, _ context: CommandContext, _ reports: [WorkerReport]) async throws {
        self.pipeline = pipeline
        let setup = IndexSetup(client: context.services.openSearch, names: pipeline.names)
        size = try await setup.size()
        readers = try await setup.readers()
        let counts = try await LedgerWalk(client: context.services.openSearch, names: pipeline.names).counts()
        (live, pending) = (counts.live, counts.pending)
        waiting = (
            await Self.messages(pipeline.events, context), await Self.messages(pipeline.chunks, context)
        )
        workers = Dictionary(grouping: reports.filter { $0.index == pipeline.index }, by: \.kind).mapValues(\.count)
    }

    private static func messages(_ queue: QueueIdentity?, _ context: CommandContext) async -> Int? {
        guard let queue, let found = try? await context.services.queue(queue.url).attributes() else { return nil }
        return found.visibleMessages + found.invisibleMessages + found.delayedMessages
    }

    private var isRead: Bool { readers.contains(pipeline.index) }

    var text: String {
        func number(_ value: Int?) -> String { value.map(String.init) ?? "?" }
        let settings = pipeline.settings.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        let kinds = PipelineRecord.workers.map { "\(workers[$0] ?? 0) \($0)" }.joined(separator: ", ")
        let paused = pipeline.paused.keys.sorted().map { "\($0) is paused" }
        return """
            \(pipeline.index)  \(pipeline.state.rawValue)\(isRead ? ", read as \(pipeline.alias)" : "")
              documents \(live), on their way \(pending), chunks \(number(size?.chunks)), \(number(size.map { $0.bytes >> 20 })) MB
              events waiting \(number(waiting.events)), chunk messages waiting \(number(waiting.chunks)), workers: \(([kinds] + paused).joined(separator: "; "))
              queues: \(pipeline.events?.url ?? "none registered") \(pipeline.chunks?.url ?? "")
              DOCUMENTS=\(pipeline.rules ?? "") TENANT=\(pipeline.tenant ?? "") \(settings.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
            """
    }

    func write(into json: inout JSONWriter) {
        json.field("index", pipeline.index)
        json.field("alias", pipeline.alias)
        json.field("fingerprint", pipeline.fingerprint)
        json.field("state", pipeline.state.rawValue)
        json.field("isRead", isRead)
        json.field("documents", live)
        json.field("pending", pending)
        if let size {
            json.field("chunks", size.chunks)
            json.field("bytes", size.bytes)
        }
        if let events = waiting.events { json.field("eventsWaiting", events) }
        if let chunks = waiting.chunks { json.field("chunkMessagesWaiting", chunks) }
        json.object("workers") { for kind in PipelineRecord.workers { $0.field(kind, workers[kind] ?? 0) } }
        json.field("paused", pipeline.paused.keys.sorted())
        if let events = pipeline.events { json.field("eventQueue", events.url) }
        if let chunks = pipeline.chunks { json.field("chunkQueue", chunks.url) }
        if let rules = pipeline.rules { json.field("documentsRules", rules) }
        if let tenant = pipeline.tenant { json.field("tenant", tenant) }
        json.object("settings") {
            for (name, value) in pipeline.settings.sorted(by: { $0.key < $1.key }) { $0.field(name, value) }
        }
        json.field("created", pipeline.created.iso8601)
    }
}
