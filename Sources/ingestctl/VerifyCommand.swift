import CommandLineOptions
import IngestCore
import Resilience
import TextCoding

/// What `verify` and `repair` take.
struct VerifyOptions: Sendable {
    static let settle = Setting.number(
        "SETTLE",
        "s",
        "how long a difference has to last: documents on their way differ for some seconds",
        default: 20,
        in: 0...3600
    ).asFlagOnly
    static let pendingAfter = Setting.number(
        "PENDING_AFTER",
        "s",
        "how long a version may be on its way",
        default: 900,
        in: 0...604_800
    ).asFlagOnly
    static let checkpoint = Setting.text(
        "CHECKPOINT",
        "file",
        "remember how far it came in a file, and go on from there the next time",
        default: ""
    ).asFlagOnly
    static let declarations =
        [CommandContext.pipelineSetting, checkpoint].map(\.declaration) + [settle, pendingAfter].map(\.declaration)

    let addresses: [ObjectAddress]
    var options: Verification.Options
    let checkpoint: String

    init(_ reader: inout SettingsReader, _ operands: [String]) {
        // As of `--replay`: what begins so.
        addresses = ObjectAddress.list(operands, &reader).map(\.asPrefix)
        options = Verification.Options(
            settle: .seconds(reader.read(Self.settle)),
            pendingBound: .seconds(reader.read(Self.pendingAfter))
        )
        checkpoint = reader.read(Self.checkpoint)
    }
}

/// `ingestctl verify`.
struct VerifyCommand: Command {
    static let declaration = CommandDeclaration(
        name: "verify",
        summary: "compare bucket, ledger and index: what is missing, stale, left over or damaged",
        operands: "[s3://BUCKET[/PREFIX]...]",
        operandCount: 0...Int.max,
        settings: VerifyOptions.declarations,
        example: "verify s3://my-documents/reports/",
        finding: "there are differences ('ingestctl repair' sets them right)",
        json: [
            "difference": "kind bucket key tenant? detail",
            "summary": "index objects records chunks rejected pending clean differences",
        ]
    )

    private let options: VerifyOptions

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        options = VerifyOptions(&reader, operands)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        let summary = try await VerifyRun(options, pipeline, context).run { found, _ in
            for difference in found {
                context.output.item("difference", difference.line) { difference.write(into: &$0) }
            }
        }
        summary.print(context.output, pipeline)
        return summary.isClean ? .success : .finding
    }
}

extension VerificationSummary {
    func print(_ output: Output, _ pipeline: PipelineRecord) {
        let kinds = differences.sorted { $0.key < $1.key }
        let found = isClean ? "no difference" : kinds.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let line =
            "\(pipeline.index): \(objects) objects, \(records) records, \(chunks) chunks, \(rejected) rejected, \(pending) on their way: \(found)"
        output.item("summary", line) { json in
            json.field("index", pipeline.index)
            json.field("objects", objects)
            json.field("records", records)
            json.field("chunks", chunks)
            json.field("rejected", rejected)
            json.field("pending", pending)
            json.field("clean", isClean)
            json.object("differences") { for (kind, count) in kinds { $0.field(kind, count) } }
        }
    }
}

/// A verification over all its buckets, with progress and checkpoint.
struct VerifyRun: Sendable {
    private let options: VerifyOptions
    private let pipeline: PipelineRecord
    private let context: CommandContext

    init(_ options: VerifyOptions, _ pipeline: PipelineRecord, _ context: CommandContext) {
        self.options = options
        self.pipeline = pipeline
        self.context = context
    }

    func run(_ report: ([Difference], KeyState) async throws -> Void) async throws -> VerificationSummary {
        let services = context.services
        let rules = try context.rules(pipeline)
        let verification = Verification(
            listing: context.store,
            client: services.openSearch,
            names: pipeline.names,
            options: options.options,
            time: services.time,
            tenant: { rules.tenant(of: $0) }
        )
        var addresses = options.addresses
        if addresses.isEmpty {
            addresses = try await context.buckets(pipeline).compactMap { ObjectAddress("s3://\($0)/") }
            if addresses.isEmpty { context.output.note("no bucket is known yet: name one (s3://BUCKET)") }
        }
        let total = try await LedgerWalk(client: services.openSearch, names: pipeline.names).counts().records
        var meter = ProgressMeter(context.output, services.time, "keys", total: total)
        var file = CheckpointFile(options.checkpoint, pipeline.index, addresses)
        var all = file.summary
        for (number, address) in addresses.enumerated() where number >= file.bucket {
            let before = all
            let start = number == file.bucket ? file.key : nil
            let summary = try await verification.run(
                address.bucket,
                prefix: address.key,
                after: start,
                report: report
            ) { summary, seen, key in
                meter.update(before.records + summary.records, seen.map { "last key \($0.oneLine)" } ?? "")
                var total = before
                total.add(summary)
                if let key { try file.write(bucket: number, key: key, total) }
            }
            all.add(summary)
            try file.write(bucket: number + 1, key: nil, all)
        }
        meter.finish()
        file.remove()
        return all
    }
}
