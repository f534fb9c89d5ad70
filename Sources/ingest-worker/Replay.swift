import IngestCore

/// Sends an event for every object below a prefix: objects that were there before the fleet sent none.
///
/// Safe to repeat: what the ledger knows costs one conditional GET and no embedding.
struct Replay: Sendable {
    var store: any ObjectStore
    var queue: any MessageQueue
    var target: ReplayTarget
    var settings: IngestSettings
    var isDryRun: Bool
    var log: Log

    private static let sendsAtOnce = 16
    /// In fair queues a replay's backlog does not hold up what happens meanwhile.
    private static let group = "replay"

    /// The number of objects and their bytes.
    func run() async throws -> (objects: Int, bytes: Int) {
        var total = (objects: 0, bytes: 0)
        var token: String?
        repeat {
            let page = try await store.list(bucket: target.bucket, prefix: target.prefix, after: token)
            let entries = page.entries.filter { entry in
                let object = ObjectReference(bucket: target.bucket, key: entry.key)
                return !(entry.bytes == 0 && entry.key.hasSuffix("/")) && settings.tenant(of: object) != nil
            }
            if !isDryRun { try await send(entries) }
            total.objects += entries.count
            total.bytes += entries.reduce(0) { $0 + $1.bytes }
            token = page.next
            log.info(
                isDryRun ? "counted" : "sent",
                ["objects": "\(total.objects)", "last_key": entries.last?.key ?? ""]
            )
        } while token != nil
        return total
    }

    private func send(_ entries: [ObjectPage.Entry]) async throws {
        for start in stride(from: 0, to: entries.count, by: Self.sendsAtOnce) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for entry in entries[start..<min(entries.count, start + Self.sendsAtOnce)] {
                    let object = ObjectReference(bucket: target.bucket, key: entry.key)
                    let message = OutgoingMessage(body: ObjectChange.hint(for: object), group: Self.group)
                    group.addTask { try await queue.send(message) }
                }
                try await group.waitForAll()
            }
        }
    }
}
