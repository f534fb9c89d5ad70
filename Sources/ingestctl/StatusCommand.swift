import FoundationEssentials
import IngestCore
import TextCoding

/// `ingestctl status`, `ingestctl rejections` and `ingestctl flagged`.
struct StatusCommand {
    var services: Services
    var names: IndexNames

    func json() async throws -> String {
        let status = try await LedgerWalk(client: services.openSearch, names: names).status()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(status), as: UTF8.self).printableJSON
    }

    /// Live documents with flags: object, percent of the source's characters that are not in the text, quality, flags; by object.
    /// - Parameter flag: those with this one alone.
    func flagged(_ flag: String?) async throws -> String {
        var lines: [String] = []
        _ = try await LedgerWalk(client: services.openSearch, names: names).forEach { record in
            guard let live = record.live, live.chunkCount > 0, let flags = live.flags, !flags.isEmpty else { return }
            guard flag.map(flags.contains) ?? true else { return }
            let figures = "\(live.leftOut ?? 0)\t\(live.quality.map(String.init) ?? "-")"
            lines.append(
                "\(record.object.description.printable)\t\(figures)\t\(flags.joined(separator: " ").printable)\n"
            )
        }
        return lines.sorted().joined()
    }

    /// Object, reason, detail: a line each, by object.
    func rejections() async throws -> String {
        var lines: [String] = []
        let unreadable = try await LedgerWalk(client: services.openSearch, names: names).forEach { record in
            if let last = record.lastRejection {
                lines.append(
                    "\(record.object.description.printable)\t\(last.reason.printable)\t\(last.detail.printable)\n"
                )
            } else if let reason = record.live?.reason {
                lines.append("\(record.object.description.printable)\t\(reason.printable)\tremoved from the index\n")
            }
        }
        lines += unreadable.map { id in
            "record \(id.printable)\tunreadable_record\t\(StoredRecord.unreadable(id, in: names.ledger).printable)\n"
        }
        return lines.sorted().joined()
    }
}
