import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl rejections`: object, reason, detail: a line each, by object.
struct RejectionsCommand: Command {
    static let declaration = CommandDeclaration(
        name: "rejections",
        summary: "list documents whose newest version was rejected, with the reason",
        settings: [CommandContext.pipelineSetting.declaration],
        example: "rejections",
        json: ["rejection": "object reason detail"]
    )

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {}

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let names = try await context.pipeline().names
        var rows: [(name: String, reason: String, detail: String)] = []
        let unreadable = try await LedgerWalk(client: context.services.openSearch, names: names).forEach { record in
            if let last = record.lastRejection {
                rows.append((record.object.description, last.reason, last.detail))
            } else if let reason = record.live?.reason {
                rows.append((record.object.description, reason, "removed from the index"))
            }
        }
        rows += unreadable.map { ("record \($0)", "unreadable_record", StoredRecord.unreadable($0, in: names.ledger)) }
        for row in rows.sorted(by: { ($0.name, $0.reason) < ($1.name, $1.reason) }) {
            let line = [row.name, row.reason, row.detail].map(\.oneLine).joined(separator: "\t")
            context.output.item("rejection", line) {
                $0.field("object", row.name)
                $0.field("reason", row.reason)
                $0.field("detail", row.detail)
            }
        }
        return .success
    }
}

/// `ingestctl flagged`: object, percent of the source's characters that are not in the text, quality, flags: a line each, by object.
struct FlaggedCommand: Command {
    static let declaration = CommandDeclaration(
        name: "flagged",
        summary: "list live documents with flags: object, percent left out, quality, flags",
        operands: "[FLAG]",
        operandCount: 0...1,
        settings: [CommandContext.pipelineSetting.declaration],
        example: "flagged left_out_navigation",
        json: ["flagged": "object leftOutPercent quality? flags"]
    )

    private let flag: String?

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) { flag = operands.first }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let names = try await context.pipeline().names
        var rows: [(name: String, live: LiveGeneration, flags: [String])] = []
        _ = try await LedgerWalk(client: context.services.openSearch, names: names).forEach { record in
            guard let live = record.live, live.chunkCount > 0, let flags = live.flags, !flags.isEmpty else { return }
            guard flag.map(flags.contains) ?? true else { return }
            rows.append((record.object.description, live, flags))
        }
        for row in rows.sorted(by: { $0.name < $1.name }) {
            let quality = row.live.quality
            let figures = [
                "\(row.live.leftOut ?? 0)", quality.map(String.init) ?? "-", row.flags.joined(separator: " "),
            ]
            context.output.item("flagged", ([row.name] + figures).map(\.oneLine).joined(separator: "\t")) {
                $0.field("object", row.name)
                $0.field("leftOutPercent", row.live.leftOut ?? 0)
                if let quality { $0.field("quality", quality) }
                $0.field("flags", row.flags)
            }
        }
        return .success
    }
}
