import FoundationEssentials
import IngestCore
import TextCoding

/// `ingestctl status` and `ingestctl rejections`.
struct StatusCommand {
    var services: Services
    var names: IndexNames

    func json() async throws -> String {
        let status = try await LedgerWalk(client: services.openSearch, names: names).status()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(status), as: UTF8.self).printableJSON
    }

    /// Reason, object, detail: a line each, by object.
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
