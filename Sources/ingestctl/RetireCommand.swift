import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Resilience
import TextCoding

/// `ingestctl retire`.
struct RetireCommand: Command {
    static let declaration = CommandDeclaration(
        name: "retire",
        summary: "remove a pipeline that readers do not see: its workers stop, then index, records and registration go",
        operands: "INDEX|FINGERPRINT",
        operandCount: 1...1,
        settings: [force.declaration],
        example: "retire 4fadec9624db",
        json: ["retired": "index records"]
    )

    private static let force = Setting.toggle("FORCE", "do not wait for its workers").asFlagOnly
    private let target: String
    private let isForced: Bool
    /// Longer than a worker needs to see the registry, finish and leave.
    private static let longestStop = Duration.seconds(180)

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        target = operands.first ?? ""
        isForced = reader.read(Self.force)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let context = context.of(target)
        let (pipeline, output) = (try await context.pipeline(), context.output)
        let setup = IndexSetup(client: context.services.openSearch, names: pipeline.names)
        if let problem = PipelineTransitions.problemOfRetirement(pipeline, readers: try await setup.readers()) {
            throw PipelineRefusal(reason: problem)
        }
        let now = context.services.time.now
        try await context.registry.update(pipeline.index) { current in
            var current = current
            current?.state = .retired
            current?.changed = now
            return current
        }
        if !isForced { try await waitForWorkers(pipeline, context) }
        let records = try await setup.drop()
        try await context.registry.remove(pipeline.index)
        output.item("retired", "removed \(pipeline.index) and \(records) records") {
            $0.field("index", pipeline.index)
            $0.field("records", records)
        }
        for queue in [pipeline.events, pipeline.chunks].compactMap(\.self) {
            output.note("delete the queue \(queue.url), its dead-letter queue and its subscription")
        }
        return .success
    }

    /// They see the registry within seconds, finish what they have begun, and leave.
    private func waitForWorkers(_ pipeline: PipelineRecord, _ context: CommandContext) async throws {
        let time = context.services.time
        let reports = WorkerReports(client: context.services.openSearch)
        let end = time.uptime + Self.longestStop
        while true {
            let left = try await reports.running(at: time.now).count { $0.index == pipeline.index }
            guard left > 0 else { return }
            guard time.uptime < end else {
                throw Failure.fleet(
                    "\(left) workers of \(pipeline.index) still run: stop them and repeat the command (--force does not wait)"
                )
            }
            context.output.note("waiting for \(left) workers of \(pipeline.index) to stop")
            try await time.sleep(for: .seconds(5))
        }
    }
}
