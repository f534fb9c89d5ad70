import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Observability
import TextCoding

/// `ingestctl retry`.
struct RetryCommand: Command {
    static let declaration = CommandDeclaration(
        name: "retry",
        summary: "send an event for rejected documents: they are read again, whatever was decided",
        operands: "[s3://BUCKET/KEY|s3://BUCKET/PREFIX*...]",
        operandCount: 0...Int.max,
        settings: [CommandContext.pipelineSetting, reason, tenant, since].map(\.declaration)
            + [Pacing.dryRun.declaration, Pacing.rate.declaration],
        example: "retry --reason too_large",
        finding: "no document was found",
        json: [
            "retry": "object",
            "summary": "documents",
        ]
    )

    private static let reason = Setting.text(
        "REASON",
        "code",
        "only what was rejected for this reason",
        default: ""
    ).asFlagOnly
    private static let tenant = Setting.text("OF_TENANT", "name", "only documents of this tenant", default: "")
        .flagged("--tenant")
    private static let since = Setting.text(
        "SINCE",
        "time",
        "only what was rejected since: 2026-01-31T10:00:00Z, or 90m, 24h, 7d ago",
        default: ""
    ).asFlagOnly

    private let addresses: [ObjectAddress]
    private let reason: String
    private let tenant: String
    private let since: TimeSelection?
    private let pacing: Pacing

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        addresses = ObjectAddress.list(operands, &reader)
        reason = reader.read(Self.reason)
        tenant = reader.read(Self.tenant)
        since = TimeSelection(&reader, Self.since)
        pacing = Pacing(&reader)
        if operands.isEmpty, reason.isEmpty, tenant.isEmpty, since == nil {
            reader.usage("which documents? Name them (s3://…), or choose by --reason, --tenant or --since")
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        let queue = try context.events(pipeline)
        let start = since?.start(context.services.time.now)
        var found: Set<ObjectReference> = []
        let walk = LedgerWalk(client: context.services.openSearch, names: pipeline.names)
        let unreadable = try await walk.forEach { if let object = object($0, start) { found.insert(object) } }
        for id in unreadable { context.output.note(StoredRecord.unreadable(id, in: pipeline.names.ledger)) }
        // A document that is named is sent whatever its state: it may have no record at all.
        if reason.isEmpty, tenant.isEmpty, since == nil {
            found.formUnion(addresses.filter { !$0.isPrefix }.map(\.object))
        }
        var meter = ProgressMeter(context.output, context.services.time, "events", total: found.count)
        var pace = pacing.pace(context.services.time)
        for (number, object) in found.sorted().enumerated() {
            let word = pacing.isDryRun ? "would retry" : "retrying"
            context.output.item("retry", "\(word)\t\(object.description.oneLine)") {
                $0.field("object", object.description)
            }
            guard !pacing.isDryRun else { continue }
            try await queue.send(OutgoingMessage(body: ObjectChange.hint(for: object, retriesRejected: true)))
            meter.update(number + 1)
            try await pace.wait()
        }
        meter.finish()
        context.output.item("summary", "\(found.count) documents") { $0.field("documents", found.count) }
        return found.isEmpty ? .finding : .success
    }

    /// The record's object where it is rejected and chosen.
    private func object(_ record: DocumentRecord, _ start: Timestamp?) -> ObjectReference? {
        let rejection = record.lastRejection
        guard let why = rejection?.reason ?? record.live?.reason else { return nil }
        if !reason.isEmpty, !why.utf8.elementsEqual(reason.utf8) { return nil }
        if !tenant.isEmpty, !record.tenant.utf8.elementsEqual(tenant.utf8) { return nil }
        if !addresses.isEmpty, !addresses.contains(where: { $0.contains(record.object) }) { return nil }
        if let start, let at = rejection?.at ?? record.live?.committed, at < start { return nil }
        return record.object
    }
}
