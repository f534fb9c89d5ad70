import AsyncPrimitives

/// The messages that a worker holds and has begun to work on.
package final class JobsInFlight: Sendable {
    package struct Entry: Equatable, Sendable, Codable {
        /// The objects that the message names.
        package var objects: String
        package var messageID: String
        package var receives: Int
        package var since: Timestamp

        package init(objects: String, messageID: String, receives: Int, since: Timestamp) {
            self.objects = objects
            self.messageID = messageID
            self.receives = receives
            self.since = since
        }
    }

    /// Only a report reads the messages again to find their objects.
    private let entries = LockedValue([String: @Sendable () -> Entry]())

    package init() {}

    package func begin(_ messageID: String, _ entry: @escaping @Sendable () -> Entry) {
        entries.withLock { $0[messageID] = entry }
    }

    package func end(_ messageID: String) { entries.withLock { _ = $0.removeValue(forKey: messageID) } }

    /// Oldest first.
    package var all: [Entry] {
        entries.withLock { Array($0.values) }.map { $0() }.sorted {
            ($0.since, $0.messageID) < ($1.since, $1.messageID)
        }
    }
}
