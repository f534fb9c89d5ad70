import FoundationEssentials
import IngestCore

/// `ingestctl status` and `ingestctl rejections`.
struct StatusCommand {
    var services: Services
    var names: IndexNames

    func json() async throws -> String {
        let status = try await LedgerWalk(client: services.openSearch, names: names).status()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(status), as: UTF8.self)
    }

    /// Reason, object, detail: a line each, by object.
    func rejections() async throws -> String {
        var lines: [String] = []
        try await LedgerWalk(client: services.openSearch, names: names).forEach { record in
            if let last = record.lastRejection {
                lines.append("\(record.object)\t\(last.reason)\t\(last.detail)\n")
            } else if let reason = record.live?.reason {
                lines.append("\(record.object)\t\(reason)\tremoved from the index\n")
            }
        }
        return lines.sorted().joined()
    }
}
