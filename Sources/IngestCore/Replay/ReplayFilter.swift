import AsyncPrimitives

/// Which objects a replay is about, as they are chosen from a listing.
package struct ReplayFilter: Sendable {
    package var target: ObjectAddress
    /// When the object was last modified: from `since`, before `until`.
    package var since: TimeSelection?
    package var until: TimeSelection?
    /// Ends of keys, in small letters; empty for any.
    package var suffixes: [String] = []
    /// Those too that the ledger has with the same ETag.
    package var includesUnchanged = false
    /// A new version of each.
    package var rebuilds = false

    package init(target: ObjectAddress) { self.target = target }

    package func chooses(_ entry: ObjectPage.Entry, at now: Timestamp) -> Bool {
        // Consoles mark folders with empty objects. They are not documents.
        if entry.bytes == 0, entry.key.utf8.last == 0x2F { return false }
        if since != nil || until != nil {
            guard let modified = Timestamp(iso8601: entry.lastModified) else { return false }
            if let since, modified < since.start(now) { return false }
            if let until, modified >= until.start(now) { return false }
        }
        guard !suffixes.isEmpty else { return true }
        return suffixes.contains { suffix in
            let end = entry.key.utf8.suffix(suffix.utf8.count)
            return end.count == suffix.utf8.count && zip(end, suffix.utf8).allSatisfy { Self.small($0) == $1 }
        }
    }

    private static func small(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }
}
