import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl setup`.
struct SetupCommand: Command {
    static let declaration = CommandDeclaration(
        name: "setup",
        summary: "make index, aliases, ledger and search pipeline, and register the pipeline; may be repeated",
        settings: Settings.setup + Settings.registered + [library.declaration],
        example: "setup --opensearch-replicas 2",
        json: ["step": "text"]
    )

    private let engine: IndexMapping.Engine
    private let (shards, replicas): (Int, Int)
    private let changes: PipelineChanges
    private static let library = Setting.choice(
        "COMPATIBLE_WITH",
        ["none"] + ReadersLibrary.allCases.map(\.rawValue),
        "library that reads the index: add what it needs, and print the settings that it needs",
        default: "none"
    ).asFlagOnly
    private let join: SearchJoin
    private let library: ReadersLibrary?
    private let queues: (events: String, chunks: String)

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        engine = IndexMapping.Engine(rawValue: reader.read(Settings.engine)) ?? .faiss
        (shards, replicas) = (reader.read(Settings.shards), reader.read(Settings.replicas))
        library = ReadersLibrary(rawValue: reader.read(Self.library))
        join = SearchJoin(&reader) ?? SearchJoin()
        queues = (reader.read(Settings.ingestQueue.optional), reader.read(Settings.chunkQueue.optional))
        var changes = PipelineChanges()
        let (bucket, prefix) = (reader.read(Settings.handoffBucket.optional), reader.read(Settings.handoffPrefix))
        if !bucket.isEmpty { (changes.handoffBucket, changes.handoffPrefix) = (bucket, prefix) }
        let documents = DocumentRules.normalized(reader.read(Settings.documents))
        if reader.isSet(Settings.documents) { changes.rules = documents }
        if reader.isSet(Settings.tenant) { changes.tenant = common.tenant }
        do {
            _ = try DocumentRules(parsing: documents, tenant: common.tenant)
        } catch {
            reader.problem("DOCUMENTS: \(error)")
        }
        self.changes = changes
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let dimensions = context.common.dimensions
        let mapping = IndexMapping(dimensions: dimensions, engine: engine, shards: shards, replicas: replicas)
        let setup = IndexSetup(client: context.services.openSearch, names: context.common.names)
        var changes = changes
        if !queues.events.isEmpty { changes.events = await context.services.queue(queues.events).identity() }
        if !queues.chunks.isEmpty { changes.chunks = await context.services.queue(queues.chunks).identity() }
        // Before anything is made.
        try await setup.check(changes)
        var done = try await setup.run(mapping, join: join)
        done += try await setup.register(changes, replicas: replicas, at: context.services.time.now)
        if let library { done += try await setup.serve(library) }
        for line in done { context.output.item("step", line) { $0.field("text", line) } }
        return .success
    }
}
