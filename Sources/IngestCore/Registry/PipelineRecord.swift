import AsyncPrimitives

/// One pipeline of the cluster: an index, what it is made with, and the queues that feed it.
///
/// An event reaches one of the workers of a queue, so that a queue belongs to one pipeline. The registry keeps this, as no worker can see it.
package struct PipelineRecord: Hashable, Sendable, Codable {
    package enum State: String, Sendable, Codable, CaseIterable {
        /// Filled beside the one that is read.
        case building
        /// What readers see through the alias.
        case live
        /// Was live, and follows the bucket still: readers can be switched back.
        case standby
        /// Is being removed: its workers stop.
        case retired
    }

    /// What readers search.
    package var alias: String
    /// The physical index: the record's id.
    package var index: String
    package var fingerprint: String
    /// What the fingerprint is made of, by the setting's name.
    package var settings: [String: String]
    /// DOCUMENTS and TENANT, which decide what a document is called. Nil until a worker or `setup` says so.
    package var rules: String?
    package var tenant: String?
    package var events: QueueIdentity?
    package var chunks: QueueIdentity?
    /// Where chunk payloads are: bucket and key prefix.
    package var handoffBucket: String?
    package var handoffPrefix: String?
    package var state: State
    /// Worker kinds that receive nothing until they are resumed.
    package var paused: [String: OperatorPause] = [:]
    package var created: Timestamp
    package var changed: Timestamp

    package init(_ names: IndexNames, state: State, at time: Timestamp) {
        alias = names.alias
        index = names.chunks
        fingerprint = names.fingerprint.description
        settings = names.fingerprint.settings
        self.state = state
        created = time
        changed = time
    }

    package var names: IndexNames {
        IndexNames(alias: alias, fingerprint: PipelineFingerprint(registered: fingerprint, settings: settings))
    }

    /// Both workers' kinds.
    package static let workers = ["ingest-worker", "embed-worker"]
}

/// A queue, wherever it is called from: one queue has several URLs and one ARN.
package struct QueueIdentity: Hashable, Sendable, Codable {
    package var url: String
    /// Nil where it could not be read.
    package var arn: String?

    package init(url: String, arn: String?) {
        self.url = url
        self.arn = arn
    }

    package func isSame(as other: QueueIdentity) -> Bool {
        if let arn, let theirs = other.arn { return arn.utf8.elementsEqual(theirs.utf8) }
        return url.utf8.elementsEqual(other.url.utf8)
    }
}

/// An operator's pause of a worker kind.
package struct OperatorPause: Hashable, Sendable, Codable {
    package var since: Timestamp
    package var reason: String

    package init(since: Timestamp, reason: String) {
        self.since = since
        self.reason = reason
    }
}
