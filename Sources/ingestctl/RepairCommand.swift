import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl repair`.
struct RepairCommand: Command {
    static let declaration = CommandDeclaration(
        name: "repair",
        summary: "verify, and set right what differs, through the normal queue",
        operands: "[s3://BUCKET[/PREFIX]...]",
        operandCount: 0...Int.max,
        settings: VerifyOptions.declarations + [Pacing.dryRun.declaration, Pacing.rate.declaration],
        example: "repair s3://my-documents --dry-run",
        json: [
            "repair": "kind bucket key tenant? detail",
            "summary": "index objects records chunks rejected pending clean differences",
        ]
    )

    private let options: VerifyOptions
    private let pacing: Pacing

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        options = VerifyOptions(&reader, operands)
        pacing = Pacing(&reader)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        let queue = try context.events(pipeline)
        let services = context.services
        let (isDryRun, output) = (pacing.isDryRun, context.output)
        let summary = try await context.withLedger(pipeline.names) { ledger in
            let removal = DamageRemoval(client: services.openSearch, names: pipeline.names)
            let repair = Repair(
                ledger: ledger,
                events: queue,
                removal: removal,
                index: pipeline.index,
                time: services.time
            )
            var pace = pacing.pace(services.time)
            return try await VerifyRun(options, pipeline, context).run { found, state in
                for difference in found {
                    output.item("repair", "\(isDryRun ? "would repair" : "repairing")\t\(difference.line)") {
                        difference.write(into: &$0)
                    }
                }
                guard !isDryRun else { return }
                try await repair.run(state)
                try await pace.wait()
            }
        }
        summary.print(output, pipeline)
        if !summary.isClean, !isDryRun {
            output.note("the events are in the queue: 'ingestctl verify' is clean when the workers are through")
        }
        return .success
    }
}
