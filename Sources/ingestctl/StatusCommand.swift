import CommandLineOptions
import FoundationEssentials
import IngestCore
import TextCoding

/// `ingestctl status`.
struct StatusCommand: Command {
    static let declaration = CommandDeclaration(
        name: "status",
        summary: "count documents by state, as JSON",
        example: "status"
    )

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {}

    func run(_ context: CommandContext) async throws -> String {
        let status = try await LedgerWalk(client: context.services.openSearch, names: context.names).status()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(status), as: UTF8.self).printableJSON + "\n"
    }
}

/// `ingestctl rejections`: object, reason, detail: a line each, by object.
struct RejectionsCommand: Command {
    static let declaration = CommandDeclaration(
        name: "rejections",
        summary: "list documents whose newest version was rejected, with the reason",
        example: "rejections"
    )

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {}

    func run(_ context: CommandContext) async throws -> String {
        var lines: [String] = []
        let walk = LedgerWalk(client: context.services.openSearch, names: context.names)
        let unreadable = try await walk.forEach { record in
            if let last = record.lastRejection {
                lines.append(
                    "\(record.object.description.printable)\t\(last.reason.printable)\t\(last.detail.printable)\n"
                )
            } else if let reason = record.live?.reason {
                lines.append("\(record.object.description.printable)\t\(reason.printable)\tremoved from the index\n")
            }
        }
        lines += unreadable.map { id in
            "record \(id.printable)\tunreadable_record\t\(StoredRecord.unreadable(id, in: context.names.ledger).printable)\n"
        }
        return lines.sorted().joined()
    }
}

/// `ingestctl flagged`: object, percent of the source's characters that are not in the text, quality, flags: a line each, by object.
struct FlaggedCommand: Command {
    static let declaration = CommandDeclaration(
        name: "flagged",
        summary: "list live documents with flags: object, percent left out, quality, flags",
        operands: "[FLAG]",
        operandCount: 0...1,
        example: "flagged left_out_navigation"
    )

    private let flag: String?

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) { flag = operands.first }

    func run(_ context: CommandContext) async throws -> String {
        var lines: [String] = []
        _ = try await LedgerWalk(client: context.services.openSearch, names: context.names).forEach { record in
            guard let live = record.live, live.chunkCount > 0, let flags = live.flags, !flags.isEmpty else { return }
            guard flag.map(flags.contains) ?? true else { return }
            let figures = "\(live.leftOut ?? 0)\t\(live.quality.map(String.init) ?? "-")"
            lines.append(
                "\(record.object.description.printable)\t\(figures)\t\(flags.joined(separator: " ").printable)\n"
            )
        }
        return lines.sorted().joined()
    }
}
