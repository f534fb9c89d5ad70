import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl prune`.
struct PruneCommand: Command {
    static let declaration = CommandDeclaration(
        name: "prune",
        summary: "delete the records of objects that were deleted long ago (TOMBSTONE_DAYS)",
        settings: [CommandContext.pipelineSetting.declaration] + Settings.pruning,
        example: "prune --tombstone-days 60",
        json: [
            "kept": "detail",
            "summary": "deleted",
        ]
    )

    private let days: Int

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        days = reader.read(Settings.tombstoneDays)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let names = try await context.pipeline().names
        let (removed, unreadable) = try await context.withLedger(names) { ledger in
            try await TombstonePruning(
                client: context.services.openSearch,
                ledger: ledger,
                names: names,
                time: context.services.time,
                days: days
            ).run()
        }
        for id in unreadable {
            let text = StoredRecord.unreadable(id, in: names.ledger)
            context.output.item("kept", "kept: \(text.printable)") { $0.field("detail", text) }
        }
        context.output.item("summary", "\(removed) tombstones deleted") { $0.field("deleted", removed) }
        return unreadable.isEmpty ? .success : .finding
    }
}
