import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Resilience
import TextCoding

/// `ingestctl switch`.
struct SwitchCommand: Command {
    static let declaration = CommandDeclaration(
        name: "switch",
        summary: "let readers see another pipeline's index, once it is whole; the one before follows on, to go back",
        operands: "[INDEX|FINGERPRINT]",
        operandCount: 0...1,
        settings: [
            force.declaration, VerifyOptions.settle.declaration, VerifyOptions.pendingAfter.declaration,
            questions.declaration, EvaluateCommand.judgements.declaration, EvaluateCommand.least.declaration,
            Settings.queryPrefix.declaration,
        ] + Settings.embeddings,
        example: "switch b6cc25488bf0",
        finding: "the index is not whole, or finds less than --questions require, and readers see what they saw before",
        json: [
            "problem": "problem skipped",
            "switch": "index",
        ]
    )

    private static let force = Setting.toggle("FORCE", "switch even to an index that is not whole").asFlagOnly
    private static let questions = Setting.text(
        "QUESTIONS",
        "file",
        "questions as 'ingestctl evaluate' reads them: the index must reach --least-ndcg, and must not be significantly worse than the one that readers see",
        default: ""
    ).asFlagOnly
    private let target: String?
    private let gate: EvaluationGate?
    private let isForced: Bool
    private let options: VerifyOptions

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        target = operands.first
        isForced = reader.read(Self.force)
        var options = VerifyOptions(&reader, [])
        options.options.isStrict = true
        self.options = options
        let (source, judgements) = (reader.read(Self.questions), reader.read(EvaluateCommand.judgements))
        let least = EvaluateCommand.share(&reader)
        gate =
            source.isEmpty
            ? nil
            : EvaluationGate(
                source: source,
                judgements: judgements.isEmpty ? nil : judgements,
                least: least,
                embeddings: EmbeddingsConfiguration(ofQuestions: &reader, common)
            )
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let context = context.of(target ?? context.common.names.fingerprint.description)
        let (pipeline, output) = (try await context.pipeline(), context.output)
        let setup = IndexSetup(client: context.services.openSearch, names: pipeline.names)
        guard pipeline.state != .retired else { throw PipelineRefusal(reason: "\(pipeline.index) is retired") }
        guard try await setup.size() != nil else {
            throw Failure.fleet("the index \(pipeline.index) does not exist: run 'ingestctl setup' with its settings")
        }
        let before = try await setup.readers()
        if before == [pipeline.index] {
            // An earlier command may have ended between the switch and what it registers.
            try await mark(pipeline, context)
            output.item("switch", "\(pipeline.alias) reads \(pipeline.index) already") {
                $0.field("index", pipeline.index)
            }
            return .success
        }
        var problems = try await problems(pipeline, before, context)
        if let gate { problems += try await gate.problems(pipeline, before, context) }
        for problem in problems {
            output.item("problem", (isForced ? "skipped: " : "") + problem) {
                $0.field("problem", problem)
                $0.field("skipped", isForced)
            }
        }
        guard problems.isEmpty || isForced else {
            output.note("readers still see \(before.joined(separator: ", ")); --force switches nevertheless")
            return .finding
        }
        try await setup.switchAlias()
        try await mark(pipeline, context)
        output.item("switch", "\(pipeline.alias) reads \(pipeline.index)") { $0.field("index", pipeline.index) }
        return .success
    }

    /// Why readers should not see the index yet.
    private func problems(_ pipeline: PipelineRecord, _ before: [String], _ context: CommandContext) async throws
        -> [String]
    {
        let summary = try await VerifyRun(options, pipeline, context).run { _, _ in }
        var live: (ours: Int, theirs: Int, index: String)?
        for old in try await context.registry.all() where before.contains(old.index) {
            live = try await counts(pipeline, old, context)
        }
        return PipelineTransitions.problemsOfSwitch(pipeline, found: summary, live: live)
    }

    /// Live documents of both. What is on its way is no difference, and not live either: both counts move while the fleet works, so that one
    /// look in which this one is not behind is enough.
    private func counts(_ pipeline: PipelineRecord, _ old: PipelineRecord, _ context: CommandContext) async throws
        -> (ours: Int, theirs: Int, index: String)
    {
        let (client, time) = (context.services.openSearch, context.services.time)
        let end = time.uptime + options.options.settle
        while true {
            let ours = try await LedgerWalk(client: client, names: pipeline.names).counts().live
            let theirs = try await LedgerWalk(client: client, names: old.names).counts().live
            if ours >= theirs || time.uptime >= end { return (ours, theirs, old.index) }
            try await time.sleep(for: .seconds(1))
        }
    }

    private func mark(_ pipeline: PipelineRecord, _ context: CommandContext) async throws {
        let now = context.services.time.now
        for record in try await context.registry.all() where record.alias == pipeline.alias {
            try await context.registry.update(record.index) { current in
                guard var current else { return nil }
                if current.index == pipeline.index {
                    current.state = .live
                } else if current.state == .live {
                    current.state = .standby
                }
                if current.state != record.state { current.changed = now }
                return current
            }
        }
    }
}
