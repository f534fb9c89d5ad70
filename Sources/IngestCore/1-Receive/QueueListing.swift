/// Reads a whole queue without removing anything.
package enum QueueListing {
    /// Receives until a receive is empty. A message may come again before others came at all: in a long queue the first ones are visible
    /// again before the last ones were received.
    ///
    /// - Returns: each message once, and every receipt, so that all of them can be made visible again.
    package static func read(_ receive: () async throws -> [Delivery]) async rethrows -> (
        messages: [Delivery], receipts: [String]
    ) {
        var seen: [String: Delivery] = [:]
        var receipts: [String] = []
        while true {
            let received = try await receive()
            if received.isEmpty { return (Array(seen.values), receipts) }
            for delivery in received where seen[delivery.messageID] == nil { seen[delivery.messageID] = delivery }
            receipts += received.map(\.receipt)
        }
    }
}
