import AsyncPrimitives
import Resilience

/// Sets right what a verification found, through the normal queue: the ledger learns of chunks that it does not know, and an event has the
/// document made anew. What can be reused of it is not paid for again.
///
/// A generation that the ledger does not know joins its retired ones, and its number is never given out again: the
/// commit that follows removes it, as it removes what it replaces. Only what no worker can have written is deleted here.
package struct Repair: Sendable {
    private let ledger: any Ledger
    private let events: any MessageQueue
    private let removal: DamageRemoval
    private let index: String
    private let time: any TimeSource

    /// - Parameters:
    ///   - events: the pipeline's event queue.
    ///   - index: its physical index.
    package init(
        ledger: any Ledger,
        events: any MessageQueue,
        removal: DamageRemoval,
        index: String,
        time: any TimeSource
    ) {
        self.ledger = ledger
        self.events = events
        self.removal = removal
        self.index = index
        self.time = time
    }

    /// - Parameter state: as it was when the difference was found.
    package func run(_ state: KeyState) async throws {
        for id in state.unreadable { try await removal.remove(unreadable: id) }
        for (id, groups) in Dictionary(grouping: state.groups, by: \.documentID).sorted(by: { $0.key < $1.key }) {
            try await adopt(groups, of: DocumentID(id), state.object)
        }
        let body = ObjectChange.hint(for: state.object, retriesRejected: true, rebuilds: true)
        try await events.send(OutgoingMessage(body: body, group: Self.group))
    }

    /// In fair queues a repair does not delay new events.
    private static let group = "repair"
    private static let attempts = 20

    private func adopt(_ groups: [ChunkGroup], of document: DocumentID, _ object: ObjectReference) async throws {
        let id = document.recordID(index: index)
        for _ in 0..<Self.attempts {
            let read = try await ledger.read(id)
            guard let tenant = read.record?.tenant ?? groups.first?.tenant, !tenant.isEmpty else { return }
            let record =
                read.record ?? DocumentRecord(tenant: tenant, object: object, index: index, created: time.now)
            // Chunks that say of themselves whose they are, and lie.
            guard read.record != nil || DocumentID(tenant: tenant, object: object) == document else { return }
            for group in groups where !record.isPlausible(group) {
                let isLive = record.live?.generation == group.generation
                let first = isLive ? record.live?.chunkCount ?? 0 : 0
                _ = try await removal.remove(document, generation: group.generation, from: first)
            }
            let adopted = record.adopting(groups.filter(record.isPlausible))
            guard adopted != record else { return }
            if case .written = try await ledger.write(id, adopted, over: read.version) { return }
        }
        throw Failure.transient("the ledger record \(id) changed \(Self.attempts) times while it was written")
    }
}

extension DocumentRecord {
    /// Whether a worker can have written these chunks. The numbers of others must not become the record's: generations count on from them.
    func isPlausible(_ group: ChunkGroup) -> Bool {
        (0...newest + Self.generationsAhead).contains(group.generation)
            && (0..<Self.chunkCounts.upperBound).contains(group.last)
    }

    /// A ledger that was restored from a snapshot may be so many versions behind its index.
    private static let generationsAhead = 1_000_000

    /// With what the index holds of it and the record does not know.
    package func adopting(_ groups: [ChunkGroup]) -> DocumentRecord {
        var record = self
        for group in groups {
            let count = group.last + 1
            record.newest = max(record.newest, group.generation)
            if var live = record.live, live.generation == group.generation {
                // The number of chunks that the next commit removes.
                live.chunkCount = max(live.chunkCount, count)
                record.live = live
            } else if record.pending?.generation != group.generation {
                let known = record.retired.filter { $0.generation == group.generation }.map(\.chunkCount).max() ?? 0
                guard count > known else { continue }
                record.retired.removeAll { $0.generation == group.generation }
                record.retired.append(RetiredGeneration(generation: group.generation, chunkCount: count))
            }
        }
        return record
    }
}
