import AsyncPrimitives
import CommandLineOptions
import ExtractionWire
import IngestCore
import TextCoding

/// `ingestctl pause`.
struct PauseCommand: Command {
    static let declaration = CommandDeclaration(
        name: "pause",
        summary: "let the workers of a kind receive nothing more; what they have begun is finished",
        operands: "ingest-worker|embed-worker|all",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration, reason.declaration],
        example: "pause embed-worker --reason \"provider migration\"",
        json: ["paused": "index kinds seenBy workers"]
    )

    private static let reason = Setting.text("REASON", "text", "why; logs and status show it", default: "").asFlagOnly
    private let pausing: Pausing
    private let reason: String

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        pausing = Pausing(&reader, operands)
        reason = reader.read(Self.reason)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pause = OperatorPause(since: context.services.time.now, reason: reason.prefix(utf8: 500))
        return try await pausing.run(context, "paused") { $0 = $0 ?? pause }
    }
}

/// `ingestctl resume`.
struct ResumeCommand: Command {
    static let declaration = CommandDeclaration(
        name: "resume",
        summary: "let the workers of a kind receive again",
        operands: "ingest-worker|embed-worker|all",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration],
        example: "resume embed-worker",
        json: ["resumed": "index kinds seenBy workers"]
    )

    private let pausing: Pausing

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        pausing = Pausing(&reader, operands)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        try await pausing.run(context, "resumed") { $0 = nil }
    }
}

/// What both have in common: the registry's record, and a look at the workers.
struct Pausing: Sendable {
    private let kinds: [String]
    /// Workers look at the registry every five seconds, about.
    private static let seen = Duration.seconds(15)

    init(_ reader: inout SettingsReader, _ operands: [String]) {
        let kind = operands.first ?? ""
        kinds = kind == "all" ? PipelineRecord.workers : [kind]
        if !kinds.allSatisfy(PipelineRecord.workers.contains) {
            let meant = OptionParser.nearest(kind, among: PipelineRecord.workers + ["all"])
            reader.usage("\"\(kind.printable)\" is not a kind of worker\(meant.map { "; did you mean \($0)?" } ?? "")")
        }
    }

    func run(_ context: CommandContext, _ word: String, _ change: (inout OperatorPause?) -> Void) async throws
        -> ExitStatus
    {
        let pipeline = try await context.pipeline()
        try await context.registry.update(pipeline.index) { current in
            guard var current else { return nil }
            for kind in kinds { change(&current.paused[kind]) }
            return current
        }
        let time = context.services.time
        let end = time.uptime + Self.seen
        while true {
            let reports = try await WorkerReports(client: context.services.openSearch).running(at: time.now)
            let workers = reports.filter { $0.index == pipeline.index && kinds.contains($0.kind) }
            let waiting = workers.filter { $0.isPausedByOperator != (word == "paused") }
            if waiting.isEmpty || time.uptime >= end {
                let line =
                    "\(kinds.joined(separator: " and ")) of \(pipeline.index) \(word); seen by \(workers.count - waiting.count) of \(workers.count) running workers"
                context.output.item(word, line) {
                    $0.field("index", pipeline.index)
                    $0.field("kinds", kinds)
                    $0.field("seenBy", workers.count - waiting.count)
                    $0.field("workers", workers.count)
                }
                return .success
            }
            try await time.sleep(for: .seconds(1))
        }
    }
}
