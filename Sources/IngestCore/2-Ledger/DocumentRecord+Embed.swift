import AsyncPrimitives
import ExtractionWire

/// What the worker that embeds does with a chunk message.
package enum EmbedDecision: Equatable, Sendable {
    /// Embed, create, commit.
    case embed
    /// Ours is live already: finish its clean-up.
    case finish
    /// A newer one is live: remove what ours wrote.
    case remove
    /// This generation was rejected: remove what it wrote, and report it again, as the worker that rejected it may have stopped before it did so.
    case rejected(RejectedGeneration)
    /// Ours was abandoned: say again that the key may have changed, then remove.
    case requeueEvent
    /// A newer one will be: ours is not worth paying for. Nothing is removed, as a duplicate of the message may be committing it.
    case outdated
}

/// The rules of the worker that embeds.
extension DocumentRecord {
    /// - Parameters:
    ///   - isFirstDelivery: only a first delivery cannot have written anything yet.
    ///   - isStale: readers have waited too long for any new version, so that ours must not be skipped.
    package func decision(for generation: Int, isFirstDelivery: Bool, isStale: Bool) -> EmbedDecision {
        if let entry = rejected.first(where: { $0.generation == generation }) {
            return entry.isAbandoned ? .requeueEvent : .rejected(entry)
        }
        let live = live?.generation ?? 0
        if live == generation { return .finish }
        if live > generation { return .remove }
        if let pending, pending.generation > generation, pending.handedOff, isFirstDelivery, !isStale {
            return .outdated
        }
        return .embed
    }

    /// The hand-off object is gone and neither this generation nor a newer one is live: it can never commit, and its content counts as unknown.
    package func abandoning(_ generation: Int) -> DocumentRecord {
        rejecting(generation, .unknown, RejectedGeneration.abandoned, "the chunk payload is missing")
    }

    /// Nil when it is too late: ours or a newer one is live.
    package func rejecting(_ generation: Int, _ content: Content, _ rejection: Rejection, at time: Timestamp? = nil)
        -> DocumentRecord?
    {
        guard live?.generation ?? 0 < generation, generation <= newest else { return nil }
        return rejecting(generation, content, rejection.code.name, rejection.detail, at: time)
    }

    private func rejecting(
        _ generation: Int,
        _ content: Content,
        _ reason: String,
        _ detail: String,
        at time: Timestamp? = nil
    ) -> DocumentRecord {
        var record = self
        if pending?.generation == generation { record.pending = nil }
        record.rejected.removeAll { $0.generation == generation }
        record.rejected.append(
            RejectedGeneration(generation: generation, content: content, reason: reason, detail: detail, at: time)
        )
        return record
    }

    /// Nil when the generation has lost: a newer one is live, or it was rejected.
    package func committing(
        _ generation: Int,
        _ content: Content,
        chunkCount: Int,
        reason: String?,
        reasonSettings: String? = nil,
        summary: TextSummary = TextSummary(),
        origin: EventOrigin = EventOrigin(),
        spend: EmbeddingSpend = EmbeddingSpend(),
        at time: Timestamp
    ) -> DocumentRecord? {
        guard live?.generation ?? 0 <= generation, !rejected.contains(where: { $0.generation == generation }) else {
            return nil
        }
        var record = self
        record.retired.removeAll { $0.generation == generation }
        if let live, live.generation != generation {
            record.retired.append(RetiredGeneration(generation: live.generation, chunkCount: live.chunkCount))
        }
        record.live = LiveGeneration(
            generation: generation,
            content: content,
            chunkCount: chunkCount,
            committed: time,
            reason: reason,
            reasonSettings: reasonSettings,
            quality: summary.quality,
            flags: summary.flags,
            leftOut: summary.leftOut,
            sent: origin.sent,
            trace: origin.trace,
            tokens: spend.tokens,
            cost: spend.cost
        )
        record.paidTokens = spend.tokens + (paidTokens ?? 0)
        record.paidCost = spend.cost + (paidCost ?? 0)
        if let pending, pending.generation <= generation { record.pending = nil }
        record.rejected.removeAll { $0.generation <= generation }
        return record
    }

    /// What may be deleted now. A later generation may be at work: only those below the live one.
    package var due: [RetiredGeneration] { retired.filter { $0.generation < live?.generation ?? 0 } }

    package func forgetting(_ deleted: [RetiredGeneration]) -> DocumentRecord {
        var record = self
        record.retired.removeAll { deleted.contains($0) }
        return record
    }

    /// Since when readers have waited: for the live version, or for any.
    package func isStale(at time: Timestamp, bound: Duration) -> Bool {
        time.duration(since: live?.committed ?? created) > bound
    }
}
