import OpenSearch
import TextCoding

/// Bucket, ledger and index side by side, key by key in the order of their bytes. No more than a page of each is in memory.
struct KeyStates: Sendable {
    let listing: any ObjectListing
    let client: OpenSearchClient
    let names: IndexNames

    /// What was written until now is seen.
    func refresh() async throws {
        for index in [names.ledger, names.chunks] { _ = try await client.send("POST", "/\(index)/_refresh") }
    }

    /// The states of the keys after `start` up to the end of one page of the bucket's listing; of all that are left on the last one.
    ///
    /// - Returns: how many objects the page had, and the last key that is done; nil after the last page.
    func page(
        of bucket: String,
        prefix: String,
        after start: String?,
        _ body: (KeyState) async throws -> Void
    ) async throws -> (objects: Int, last: String?) {
        let page = try await listing.page(bucket: bucket, prefix: prefix, after: start, limit: 1000)
        let end = page.next == nil ? nil : page.entries.last?.key
        let scope = KeyScope.range(prefix: prefix, after: start, through: end)
        try await merge(bucket, page.entries, scope, body)
        return (page.entries.count, end)
    }

    /// The states of certain keys, each looked up in the bucket.
    func states(of keys: [String], in bucket: String) async throws -> [KeyState] {
        var entries: [ObjectPage.Entry] = []
        for key in keys {
            if let entry = try await listing.entry(ObjectReference(bucket: bucket, key: key)) { entries.append(entry) }
        }
        var states: [KeyState] = []
        try await merge(bucket, entries, .keys(keys)) { states.append($0) }
        return states
    }

    /// Three ordered streams to one.
    private func merge(
        _ bucket: String,
        _ entries: [ObjectPage.Entry],
        _ scope: KeyScope,
        _ body: (KeyState) async throws -> Void
    ) async throws {
        let objects = entries.filter { !($0.bytes == 0 && $0.key.utf8.last == 0x2F) }
        var listed = objects.sorted { Self.precedes($0.key, $1.key) }[...]
        let ledger = LedgerPages(client: client, names: names, bucket: bucket, scope: scope)
        let index = ChunkPages(client: client, names: names, bucket: bucket, scope: scope)
        var records = PageCursor { try await ledger.next(after: $0) }
        var groups = PageCursor { try await index.next(after: $0) }
        while true {
            let heads = [listed.first?.key, try await records.head()?.key, try await groups.head()?.key]
            guard let key = heads.compactMap(\.self).min(by: Self.precedes) else { return }
            var state = KeyState(ObjectReference(bucket: bucket, key: key))
            if let first = listed.first, first.key.utf8.elementsEqual(key.utf8) {
                state.listed = first
                listed.removeFirst()
            }
            while let item = try await records.pop(where: { $0.key.utf8.elementsEqual(key.utf8) }) {
                if let record = item.record { state.records.append(record) } else { state.unreadable.append(item.id) }
            }
            while let item = try await groups.pop(where: { $0.key.utf8.elementsEqual(key.utf8) }) {
                state.groups.append(item.group)
            }
            try await body(state)
        }
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
