import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl setup`.
struct SetupCommand: Command {
    static let declaration = CommandDeclaration(
        name: "setup",
        summary: "make index, write alias, readers' alias, ledger and search pipeline; may be repeated",
        settings: Settings.setup,
        example: "setup --opensearch-replicas 2"
    )

    private let engine: IndexMapping.Engine
    private let (shards, replicas): (Int, Int)

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        engine = IndexMapping.Engine(rawValue: reader.read(Settings.engine)) ?? .faiss
        (shards, replicas) = (reader.read(Settings.shards), reader.read(Settings.replicas))
    }

    func run(_ context: CommandContext) async throws -> String {
        let dimensions = context.common.dimensions
        let mapping = IndexMapping(dimensions: dimensions, engine: engine, shards: shards, replicas: replicas)
        let setup = IndexSetup(client: context.services.openSearch, names: context.names)
        return try await setup.run(mapping).map { $0 + "\n" }.joined()
    }
}

/// `ingestctl switch`.
struct SwitchCommand: Command {
    static let declaration = CommandDeclaration(
        name: "switch",
        summary: "let readers see the index of these settings",
        example: "switch --chunk-tokens 256"
    )

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {}

    func run(_ context: CommandContext) async throws -> String {
        try await IndexSetup(client: context.services.openSearch, names: context.names).switchAlias()
        return "\(context.names.alias) reads \(context.names.chunks)\n"
    }
}

/// `ingestctl prune`.
struct PruneCommand: Command {
    static let declaration = CommandDeclaration(
        name: "prune",
        summary: "delete the records of objects that were deleted long ago (TOMBSTONE_DAYS)",
        settings: Settings.pruning,
        example: "prune --tombstone-days 60"
    )

    private let days: Int

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        days = reader.read(Settings.tombstoneDays)
    }

    func run(_ context: CommandContext) async throws -> String {
        let ledger = context.services.ledger(context.names)
        let (removed, unreadable) = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            defer { group.cancelAll() }
            return try await TombstonePruning(
                client: context.services.openSearch,
                ledger: ledger,
                names: context.names,
                time: context.services.time,
                days: days
            ).run()
        }
        let kept = unreadable.map { "kept: \(StoredRecord.unreadable($0, in: context.names.ledger).printable)\n" }
        return kept.joined() + "\(removed) tombstones deleted\n"
    }
}
