import CommandLineOptions
import IngestCore
import Observability
import Resilience
import TextCoding

/// The operator's program.
@main
struct Ingestctl {
    static let program = Program(
        name: "ingestctl",
        summary: """
            Operate an ingest fleet: index setup, search, status. Commands:
              setup              make index, write alias, readers' alias, ledger and search pipeline; may be repeated
              switch             let readers see the index of these settings
              search QUESTION    print the best hits, of live versions only
              status             count documents by state
              rejections         list documents whose newest version was rejected, with the reason
              flagged [FLAG]     list live documents with flags (left_out_navigation, hidden_text, ...): object, percent left out, quality, flags
              dead-letters       list what the dead-letter queues hold: queue, reason, object, generation, time, trace, detail
              prune              delete the records of objects that were deleted long ago (TOMBSTONE_DAYS)
              settings           print the table of all settings
            """,
        operands: "setup|switch|search QUESTION|status|rejections|flagged [FLAG]|dead-letters|prune|settings",
        declarations: Settings.common + Settings.embeddings + Settings.setup + SearchOptions.declarations
            + [Settings.queryPrefix.declaration] + Settings.pruning + [
                Settings.ingestQueue.declaration, Settings.chunkQueue.declaration,
            ]
            + Settings.information
    )

    static func main() async {
        let environment = ProcessEnvironment.variables
        ProcessEnvironment.hideSecrets()
        let parsed = program.parse(Array(CommandLine.arguments.dropFirst()), environment: environment)
        guard let command = parsed.operands.first else {
            program.fail("which command? See 'ingestctl --help'.", code: Program.ExitCode.usage)
        }
        if command == "settings" { return program.print(SettingsTable.markdown) }

        var reader = SettingsReader(parsed.values)
        let common = CommonConfiguration(&reader)
        let mapping = IndexMapping(
            dimensions: common.dimensions,
            engine: IndexMapping.Engine(rawValue: reader.read(Settings.engine)) ?? .faiss,
            shards: reader.read(Settings.shards),
            replicas: reader.read(Settings.replicas)
        )
        let options = SearchOptions(&reader)
        let embeddings =
            command == "search"
            ? EmbeddingsConfiguration(&reader, common, prefix: reader.read(Settings.queryPrefix)) : nil
        let queues =
            command == "dead-letters" ? [reader.read(Settings.ingestQueue), reader.read(Settings.chunkQueue)] : []
        for problem in AWSEndpoints.problems(in: environment) { reader.problem(problem) }
        let tombstoneDays = reader.read(Settings.tombstoneDays)
        program.require(reader, printing: parsed.values[Settings.printConfig.declaration.environment] == "true")

        let sink = StandardErrorLog(asJSON: common.logAsJSON)
        let services = Services(common, environment: environment, label: program.name, sink: sink)
        let setup = IndexSetup(client: services.openSearch, names: common.names)
        let operands = Array(parsed.operands.dropFirst())
        do {
            switch (command, operands.count, embeddings) {
            case ("setup", 0, _): program.print(try await setup.run(mapping).map { $0 + "\n" }.joined())
            case ("switch", 0, _):
                try await setup.switchAlias()
                program.print("\(common.names.alias) reads \(common.names.chunks)\n")
            case ("status", 0, _):
                program.print(try await StatusCommand(services: services, names: common.names).json() + "\n")
            case ("rejections", 0, _):
                program.print(try await StatusCommand(services: services, names: common.names).rejections())
            case ("flagged", 0...1, _):
                let command = StatusCommand(services: services, names: common.names)
                program.print(try await command.flagged(operands.first))
            case ("dead-letters", 0, _):
                program.print(try await DeadLetterCommand(services: services, queues: queues).run())
            case ("prune", 0, _):
                program.print(try await prune(services, common.names, days: tombstoneDays))
            case ("search", 1, let embeddings?):
                let search = SearchCommand(services: services, common: common, embeddings: embeddings, options: options)
                program.print(try await search.run(operands[0]))
            default:
                program.fail(
                    "'\(parsed.operands.joined(separator: " "))' is not a command. See 'ingestctl --help'.",
                    code: Program.ExitCode.usage
                )
            }
            sink.close()
        } catch {
            sink.close()
            program.fail(Failure(error).summary, code: Program.ExitCode.unavailable)
        }
    }

    private static func prune(_ services: Services, _ names: IndexNames, days: Int) async throws -> String {
        let ledger = services.ledger(names)
        let (removed, unreadable) = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            defer { group.cancelAll() }
            return try await TombstonePruning(
                client: services.openSearch,
                ledger: ledger,
                names: names,
                time: services.time,
                days: days
            ).run()
        }
        let kept = unreadable.map { "kept: \(StoredRecord.unreadable($0, in: names.ledger).printable)\n" }
        return kept.joined() + "\(removed) tombstones deleted\n"
    }
}
