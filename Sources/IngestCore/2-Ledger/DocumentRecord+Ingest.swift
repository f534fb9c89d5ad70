import AsyncPrimitives
import ExtractionWire

/// The rules of the worker that reads the bucket.
extension DocumentRecord {
    /// The content of the newest generation, be it pending, rejected or live. Nil where the newest only reserves: its owner may have died,
    /// and may not have.
    package var knownContent: Content? {
        let lastRejected = rejected.max { $0.generation < $1.generation }
        let rejectedGeneration = lastRejected?.generation ?? 0
        if let pending, pending.generation > rejectedGeneration { return pending.handedOff ? pending.content : nil }
        if let lastRejected, rejectedGeneration > live?.generation ?? 0 { return lastRejected.content }
        return live?.content ?? .absent
    }

    /// The rejection that `knownContent` is about: the current one, or one that an empty generation was made for.
    package var knownRejection: RejectedGeneration? {
        guard let known = knownContent else { return nil }
        if let last = lastRejection, last.content == known { return last }
        guard let live, live.content == known, let reason = live.reason else { return nil }
        return RejectedGeneration(
            generation: live.generation,
            content: known,
            reason: reason,
            detail: "the version before was removed",
            settings: live.reasonSettings,
            at: live.committed
        )
    }

    /// There is nothing to do for this content. The decision still has to be written (`touched`).
    ///
    /// - Parameter holds: whether a rejection would be the same now: under these settings, and without a requested retry.
    package func knows(_ content: Content, where holds: (RejectedGeneration) -> Bool = { _ in true }) -> Bool {
        guard content != .unknown && knownContent == content else { return false }
        return knownRejection.map(holds) ?? true
    }

    /// What GET need not send again.
    package func knownETag(where holds: (RejectedGeneration) -> Bool = { _ in true }) -> String? {
        guard case .etag(let etag) = knownContent, knownRejection.map(holds) ?? true else { return nil }
        return etag
    }

    /// "Nothing to do" as a write: it fails if another worker wrote first, and makes writes fail that are based on an earlier read.
    package func touched() -> DocumentRecord {
        var record = self
        record.touches += 1
        return record
    }

    /// A new generation for `content`. What an earlier pending one may have written is cleaned up with the next commit.
    package func reserving(
        _ content: Content,
        chunkCount: Int,
        origin: EventOrigin = EventOrigin(),
        at time: Timestamp? = nil
    ) -> DocumentRecord {
        var record = retiringPending()
        record.newest += 1
        record.pending = PendingGeneration(
            generation: record.newest,
            content: content,
            chunkCount: chunkCount,
            handedOff: false,
            since: time,
            sent: origin.sent,
            trace: origin.trace,
            lane: origin.lane == .live ? nil : origin.lane.rawValue
        )
        return record
    }

    private func retiringPending() -> DocumentRecord {
        guard let pending else { return self }
        var record = self
        record.retired.append(RetiredGeneration(generation: pending.generation, chunkCount: pending.chunkCount))
        record.pending = nil
        return record
    }

    /// A generation that is rejected before it was made. An earlier one that was handed off is still to come; one that only reserves is
    /// not waited for.
    package func refusing(
        _ content: Content,
        _ rejection: Rejection,
        settings: String? = nil,
        at time: Timestamp? = nil
    )
        -> DocumentRecord
    {
        var record = pending?.handedOff == false ? retiringPending() : self
        record.newest += 1
        record.rejected.append(
            RejectedGeneration(
                generation: record.newest,
                content: content,
                reason: rejection.code.name,
                detail: rejection.detail,
                settings: settings,
                at: time
            )
        )
        return record
    }

    /// The chunk message is confirmed. Nil where the generation is no longer the pending one: then there is nothing to write.
    package func handingOff(_ generation: Int) -> DocumentRecord? {
        guard let pending, pending.generation == generation else { return nil }
        var record = self
        record.pending = pending
        record.pending?.handedOff = true
        return record
    }
}
