import AsyncPrimitives

/// Everything that bucket, ledger and index hold of one key.
package struct KeyState: Sendable {
    package var object: ObjectReference
    /// Nil where the bucket has no such object.
    package var listed: ObjectPage.Entry?
    package var records: [DocumentRecord] = []
    /// Ids of records that cannot be read.
    package var unreadable: [String] = []
    package var groups: [ChunkGroup] = []

    package init(_ object: ObjectReference) { self.object = object }

    /// What the bucket holds.
    var content: Content { listed.map { Content(etag: $0.etag) } ?? .absent }
}

/// The chunks of one generation of one document, as the index counts them.
package struct ChunkGroup: Equatable, Sendable {
    package var documentID: String
    package var generation: Int
    package var tenant: String
    package var count: Int
    /// The highest chunk number.
    package var last: Int
    package var withoutVector = 0
    /// How many carry another pipeline's fingerprint.
    package var foreign = 0
    /// Tokens of all of them, and the last page.
    package var tokens = 0
    package var pages = 0

    package init(documentID: String, generation: Int, tenant: String, count: Int, last: Int) {
        self.documentID = documentID
        self.generation = generation
        self.tenant = tenant
        self.count = count
        self.last = last
    }
}

/// What the documents of a key should be, against what they are.
package struct Comparison: Sendable {
    /// Whose document an object is; nil for one that is none.
    private let tenant: @Sendable (ObjectReference) -> String?
    /// How long a version may be on its way.
    private let pendingBound: Duration
    /// A batch takes a day at most, and what expired in one goes into another.
    private static let batchBound = Duration.seconds(2 * 86_400)
    /// What is on its way counts as a difference: readers do not see it yet.
    private let isStrict: Bool

    package init(
        pendingBound: Duration,
        isStrict: Bool = false,
        tenant: @escaping @Sendable (ObjectReference) -> String?
    ) {
        self.tenant = tenant
        self.pendingBound = pendingBound
        self.isStrict = isStrict
    }

    package func differences(_ state: KeyState, at now: Timestamp) -> [Difference] {
        let owner = state.listed == nil ? nil : tenant(state.object)
        let expected = owner.map { DocumentID(tenant: $0, object: state.object).description }
        var found: [Difference] = state.unreadable.map {
            Difference(.unreadable, state.object, tenant: "", "record \($0) of the ledger")
        }
        var known: Set<String> = []
        for record in state.records {
            let id = DocumentID(tenant: record.tenant, object: state.object).description
            known.insert(id)
            let groups = state.groups.filter { $0.documentID == id }
            if id == expected, let listed = state.listed {
                found += version(record, Content(etag: listed.etag), now).map { difference(record, $0.0, $0.1) }
            } else {
                found += removal(record, state, owner, now).map { difference(record, $0.0, $0.1) }
            }
            found += chunks(record, groups).map { difference(record, $0.0, $0.1) }
        }
        for group in state.groups where !known.contains(group.documentID) && state.unreadable.isEmpty {
            let detail = "\(group.count) chunks of generation \(group.generation), without a record in the ledger"
            found.append(Difference(.orphan, state.object, tenant: group.tenant, detail))
        }
        if let owner, let expected, !known.contains(expected), state.unreadable.isEmpty {
            found.append(Difference(.missing, state.object, tenant: owner, "the ledger has no record of it"))
        }
        return found
    }

    private func difference(_ record: DocumentRecord, _ kind: Difference.Kind, _ detail: String) -> Difference {
        Difference(kind, record.object, tenant: record.tenant, detail)
    }

    private typealias Finding = (Difference.Kind, String)

    /// The document that the object should be.
    private func version(_ record: DocumentRecord, _ content: Content, _ now: Timestamp) -> [Finding] {
        if let late = late(record, now) { return [late] }
        let isLive = record.live?.content.hasBytes(of: content) ?? false
        if isStrict, !isLive, let pending = record.pending {
            return [(.pending, "generation \(pending.generation) is on its way")]
        }
        guard !isLive, record.pending == nil, !(record.knownContent?.hasBytes(of: content) ?? false) else { return [] }
        guard let live = record.live, live.content != .absent else { return [(.missing, "no version of it is live")] }
        return [(.stale, "generation \(live.generation) is live, and the object has changed since")]
    }

    /// A document that should not be.
    private func removal(_ record: DocumentRecord, _ state: KeyState, _ owner: String?, _ now: Timestamp) -> [Finding] {
        if let late = late(record, now) { return [late] }
        guard let live = record.live, live.chunkCount > 0 else { return [] }
        if isStrict, let pending = record.pending {
            return [(.pending, "generation \(pending.generation), which removes it, is on its way")]
        }
        guard record.pending == nil else { return [] }
        let what = "\(live.chunkCount) chunks of generation \(live.generation) are searchable"
        if state.listed == nil { return [(.gone, "\(what), and the object is gone")] }
        guard let owner else { return [(.leftOut, "\(what), and the rules leave the object out (DOCUMENTS)")] }
        return [(.formerRule, "\(what), and the object is \(owner)'s (DOCUMENTS, TENANT)")]
    }

    private func late(_ record: DocumentRecord, _ now: Timestamp) -> Finding? {
        guard let pending = record.pending else { return nil }
        let since = pending.since ?? record.live?.committed ?? record.created
        let bound = pending.waitsForBatch ? max(pendingBound, Self.batchBound) : pendingBound
        guard now.duration(since: since) > bound else { return nil }
        let state = pending.handedOff ? "its chunks were sent to embed-worker" : "it was reserved"
        return (.pending, "generation \(pending.generation): \(state) at \(since.iso8601), and nothing came of it")
    }

    private func chunks(_ record: DocumentRecord, _ groups: [ChunkGroup]) -> [Finding] {
        var found: [Finding] = []
        let live = record.live
        for group in groups {
            if group.generation == live?.generation {
                found += liveChunks(group, live?.chunkCount ?? 0)
                continue
            }
            // On its way, or about to be removed by what is on its way.
            guard record.pending == nil else { continue }
            let text = "\(group.count) chunks of generation \(group.generation)"
            if group.generation < live?.generation ?? 0 {
                found.append((.twoGenerations, "\(text) beside the live generation \(live?.generation ?? 0)"))
            } else {
                found.append((.orphan, "\(text), which is not live"))
            }
        }
        if let live, live.chunkCount > 0, !groups.contains(where: { $0.generation == live.generation }) {
            found.append((.tooFew, "0 of \(live.chunkCount) chunks of generation \(live.generation)"))
        }
        return found
    }

    private func liveChunks(_ group: ChunkGroup, _ count: Int) -> [Finding] {
        var found: [Finding] = []
        let generation = "of generation \(group.generation)"
        // Each number is there at most once.
        let beyond = max(0, group.last + 1 - count)
        if beyond > 0 { found.append((.tooMany, "chunk \(group.last) \(generation), which has \(count)")) }
        if group.count - beyond < count, beyond == 0 || group.count < count {
            found.append((.tooFew, "\(group.count) of \(count) chunks \(generation)"))
        }
        if group.withoutVector > 0 { found.append((.withoutVector, "\(group.withoutVector) chunks \(generation)")) }
        if group.foreign > 0 { found.append((.foreign, "\(group.foreign) chunks \(generation)")) }
        return found
    }
}
