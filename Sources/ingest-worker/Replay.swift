import AsyncPrimitives
import IngestCore
import Observability

/// Sends an event for every object below a prefix: objects that were there before the fleet sent none.
///
/// Safe to repeat: what the ledger knows costs one conditional GET and no embedding.
struct Replay: Sendable {
    var listing: any ObjectListing
    var queue: any MessageQueue
    var target: ObjectAddress
    var settings: IngestSettings
    var isDryRun: Bool
    var log: Log
    /// Nil for the first.
    var startAfter: String?
    var time: any TimeSource

    private static let sendsAtOnce = 16
    /// In fair queues a replay's backlog does not delay new events.
    private static let group = "replay"

    /// The number of objects and their bytes.
    func run() async throws -> (objects: Int, bytes: Int) {
        var total = (objects: 0, bytes: 0)
        var last = startAfter
        let started = time.uptime
        while true {
            let page = try await listing.page(bucket: target.bucket, prefix: target.key, after: last, limit: 1000)
            let entries = page.entries.filter { entry in
                let object = ObjectReference(bucket: target.bucket, key: entry.key)
                return !(entry.bytes == 0 && entry.key.utf8.last == 0x2F) && settings.tenant(of: object) != nil
            }
            let objects = entries.map { ObjectReference(bucket: target.bucket, key: $0.key) }
            if !isDryRun { try await send(objects.map { ObjectChange.hint(for: $0) }) }
            total.objects += entries.count
            total.bytes += entries.reduce(0) { $0 + $1.bytes }
            last = page.entries.last?.key ?? last
            let rate = Double(total.objects) / max(0.001, (time.uptime - started).seconds)
            // What an interrupted replay goes on from (--start-after).
            log.info(
                "replay progress",
                ["objects": "\(total.objects)", "objects_per_second": "\(Int(rate))", "last_key": last ?? ""]
            )
            if page.next == nil || page.entries.isEmpty { return total }
        }
    }

    /// An event for every document below the prefix whose newest version is rejected, or never came to an end: it is tried again.
    func runRejected(_ walk: LedgerWalk) async throws -> (objects: Int, bytes: Int) {
        var objects: [ObjectReference] = []
        let unreadable = try await walk.forEach { record in
            let isRejected = record.lastRejection != nil || record.live?.reason != nil
            guard isRejected, record.bucket.utf8.elementsEqual(target.bucket.utf8),
                record.key.utf8.starts(with: target.key.utf8), settings.tenant(of: record.object) != nil
            else { return }
            objects.append(record.object)
        }
        for id in unreadable { log.error(StoredRecord.unreadable(id, in: walk.names.ledger)) }
        if !isDryRun { try await send(objects.map { ObjectChange.hint(for: $0, retriesRejected: true) }) }
        return (objects.count, 0)
    }

    private func send(_ bodies: [String]) async throws {
        for start in stride(from: 0, to: bodies.count, by: Self.sendsAtOnce) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for body in bodies[start..<min(bodies.count, start + Self.sendsAtOnce)] {
                    let message = OutgoingMessage(body: body, group: Self.group)
                    group.addTask { try await queue.send(message) }
                }
                try await group.waitForAll()
            }
        }
    }
}
