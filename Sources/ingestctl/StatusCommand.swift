import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl status`.
struct StatusCommand: Command {
    static let declaration = CommandDeclaration(
        name: "status",
        summary: "count documents by state; with --in-work, list what is being worked on",
        settings: [CommandContext.pipelineSetting.declaration, jobs.declaration],
        example: "status --in-work",
        json: [
            "status":
                "live tombstones pending rejected rejectedByReason liveByFlag liveWithMuchLeftOut unreadableRecords chunks indexedChunks",
            "job": "worker host object messageId receives seconds",
            "pending": "object generation state seconds?",
        ]
    )

    private static let jobs = Setting.toggle(
        "IN_WORK",
        "list the messages that workers hold, and the versions on their way"
    ).asFlagOnly
    private let listsJobs: Bool

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        listsJobs = reader.read(Self.jobs)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        if listsJobs { return try await listJobs(pipeline, context) }
        let status = try await LedgerWalk(client: context.services.openSearch, names: pipeline.names).status()
        if context.output.isJSON {
            context.output.object("status") { status.write(into: &$0) }
            return .success
        }
        let rejected = status.rejectedByReason.sorted { $0.key < $1.key }.map { ", \($0.key) \($0.value)" }.joined()
        let flags = status.liveByFlag.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        context.output.text(
            """
            pipeline            \(pipeline.index) (\(pipeline.state.rawValue))
            documents live      \(status.live)
            on their way        \(status.pending)
            rejected            \(status.rejected)\(rejected)
            deleted             \(status.tombstones)
            chunks              \(status.chunks), in the index \(status.indexedChunks)
            much left out       \(status.liveWithMuchLeftOut)
            flags               \(flags.isEmpty ? "none" : flags.joined(separator: ", "))
            unreadable records  \(status.unreadableRecords)
            """
        )
        return .success
    }

    /// Jobs of the workers that report, then versions whose chunks wait for their vectors.
    private func listJobs(_ pipeline: PipelineRecord, _ context: CommandContext) async throws -> ExitStatus {
        let (now, client) = (context.services.time.now, context.services.openSearch)
        for report in try await WorkerReports(client: client).running(at: now) where report.index == pipeline.index {
            for job in report.jobs {
                let seconds = Int(now.duration(since: job.since).seconds)
                let fields = [report.kind, report.host, "\(seconds) s", "receive \(job.receives)", job.objects]
                context.output.item("job", fields.map(\.oneLine).joined(separator: "\t")) {
                    $0.field("worker", report.kind)
                    $0.field("host", report.host)
                    $0.field("object", job.objects)
                    $0.field("messageId", job.messageID)
                    $0.field("receives", job.receives)
                    $0.field("seconds", seconds)
                }
            }
        }
        var pending: [DocumentRecord] = []
        _ = try await LedgerWalk(client: client, names: pipeline.names).forEach { record in
            if record.pending != nil { pending.append(record) }
        }
        for record in pending.sorted(by: { $0.object < $1.object }) {
            guard let version = record.pending else { continue }
            let seconds = version.since.map { Int(now.duration(since: $0).seconds) }
            let state = version.handedOff ? "waits for vectors" : "reserved"
            let since = seconds.map { "\($0) s" } ?? "-"
            let fields = [
                "ledger", state, since, "generation \(version.generation)", record.object.description,
            ]
            context.output.item("pending", fields.map(\.oneLine).joined(separator: "\t")) {
                $0.field("object", record.object.description)
                $0.field("generation", version.generation)
                $0.field("state", state)
                if let seconds { $0.field("seconds", seconds) }
            }
        }
        return .success
    }
}

extension FleetStatus {
    fileprivate func write(into json: inout JSONWriter) {
        for (name, value) in [
            ("live", live), ("tombstones", tombstones), ("pending", pending), ("rejected", rejected),
            ("liveWithMuchLeftOut", liveWithMuchLeftOut), ("unreadableRecords", unreadableRecords),
            ("chunks", chunks), ("indexedChunks", indexedChunks),
        ] {
            json.field(name, value)
        }
        for (name, counts) in [("rejectedByReason", rejectedByReason), ("liveByFlag", liveByFlag)] {
            json.object(name) { fields in
                for (key, count) in counts.sorted(by: { $0.key < $1.key }) { fields.field(key, count) }
            }
        }
    }
}
