import TextCoding

/// What a worker is started with, as far as the registry compares it.
package struct WorkerSettingsSummary: Equatable, Sendable {
    package var names: IndexNames
    /// `ingest-worker` or `embed-worker`.
    package var kind: String
    package var events: QueueIdentity
    package var chunks: QueueIdentity
    package var handoffBucket: String
    package var handoffPrefix: String
    /// Nil in a worker that does not use them.
    package var rules: String?
    package var tenant: String?

    package init(
        names: IndexNames,
        kind: String,
        events: QueueIdentity,
        chunks: QueueIdentity,
        handoff: ObjectReference
    ) {
        self.names = names
        self.kind = kind
        self.events = events
        self.chunks = chunks
        handoffBucket = handoff.bucket
        handoffPrefix = handoff.key
    }
}

/// Whether a worker may start: its settings have to be those of its queues' pipeline.
package enum Admission: Equatable, Sendable {
    /// With what the record did not say yet.
    case admitted(PipelineRecord)
    /// `setup` has not registered the pipeline: wait for it.
    case unregistered(String)
    /// Other settings than the registered ones: what differs, and what to do.
    case refused(String)

    package static func decide(_ worker: WorkerSettingsSummary, among records: [PipelineRecord]) -> Admission {
        let index = worker.names.chunks
        let others = records.filter { $0.index != index && $0.state != .retired }
        for (name, queue) in [("INGEST_QUEUE_URL", worker.events), ("CHUNK_QUEUE_URL", worker.chunks)] {
            for other in others {
                let taken = [("INGEST_QUEUE_URL", other.events), ("CHUNK_QUEUE_URL", other.chunks)].contains {
                    $0.1?.isSame(as: queue) ?? false
                }
                guard taken else { continue }
                return .refused(
                    "\(name) \(queue.url) belongs to the pipeline \(other.index), which differs: \(differences(worker.names, other)). An event reaches one pipeline of a queue only: start with the settings of \(other.index), or give this pipeline queues of its own"
                )
            }
        }
        guard var record = records.first(where: { $0.index == index }) else {
            return .unregistered(
                "the pipeline \(index) is not registered: run 'ingestctl setup' with the same settings"
            )
        }
        guard record.state != .retired else {
            return .refused("the pipeline \(index) is retired: run 'ingestctl setup' to build it again")
        }
        if let difference = difference(worker, record) {
            return .refused(
                "\(difference). Start with the registered value, or run 'ingestctl setup' with the new one, which registers it, and then 'ingestctl verify'"
            )
        }
        record.events = worker.events
        record.chunks = worker.chunks
        record.handoffBucket = worker.handoffBucket
        record.handoffPrefix = worker.handoffPrefix
        record.rules = worker.rules ?? record.rules
        record.tenant = worker.tenant ?? record.tenant
        return .admitted(record)
    }

    /// The settings that make another pipeline of `other`.
    package static func differences(_ names: IndexNames, _ other: PipelineRecord) -> String {
        var parts: [String] = []
        if names.alias != other.alias {
            parts.append("OPENSEARCH_INDEX is \(other.alias) there and \(names.alias) here")
        }
        let ours = names.fingerprint.settings
        for name in Set(ours.keys).union(other.settings.keys).sorted()
        where ours[name] ?? "" != other.settings[name] ?? "" {
            parts.append("\(name) is \(shown(other.settings[name])) there and \(shown(ours[name])) here")
        }
        return parts.isEmpty ? "no setting" : parts.joined(separator: ", ")
    }

    private static func shown(_ value: String?) -> String {
        guard let value, !value.isEmpty else { return "not set" }
        return value.printable
    }

    private static func difference(_ worker: WorkerSettingsSummary, _ record: PipelineRecord) -> String? {
        for (name, theirs, ours) in [
            ("INGEST_QUEUE_URL", record.events, worker.events), ("CHUNK_QUEUE_URL", record.chunks, worker.chunks),
        ] {
            guard let theirs, !theirs.isSame(as: ours) else { continue }
            return "\(name) is \(theirs.url) in the registry and \(ours.url) here (pipeline \(record.index))"
        }
        let values = [
            ("HANDOVER_BUCKET", record.handoffBucket, worker.handoffBucket),
            ("HANDOVER_PREFIX", record.handoffPrefix, worker.handoffPrefix),
            ("DOCUMENTS", record.rules, worker.rules), ("TENANT", record.tenant, worker.tenant),
        ]
        for (name, theirs, ours) in values {
            guard let theirs, let ours, !theirs.utf8.elementsEqual(ours.utf8) else { continue }
            return "\(name) is \(shown(theirs)) in the registry and \(shown(ours)) here (pipeline \(record.index))"
        }
        return nil
    }
}
