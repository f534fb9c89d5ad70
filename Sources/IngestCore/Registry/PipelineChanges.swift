import TextCoding

/// What `setup` registers of a pipeline; nil leaves what is registered.
package struct PipelineChanges: Equatable, Sendable {
    package var events: QueueIdentity?
    package var chunks: QueueIdentity?
    package var handoffBucket: String?
    package var handoffPrefix: String?
    package var rules: String?
    package var tenant: String?

    package init() {}

    /// A queue of these that another pipeline has.
    func taken(by others: [PipelineRecord]) -> (name: String, pipeline: PipelineRecord)? {
        for (name, queue) in [("INGEST_QUEUE_URL", events), ("CHUNK_QUEUE_URL", chunks)] {
            guard let queue else { continue }
            for other in others where [other.events, other.chunks].contains(where: { $0?.isSame(as: queue) ?? false }) {
                return ("\(name) \(queue.url)", other)
            }
        }
        return nil
    }

    /// - Returns: a line for each value that was another one.
    func apply(to record: inout PipelineRecord) -> [String] {
        var said: [String] = []
        for (name, old, new) in [
            ("INGEST_QUEUE_URL", record.events, events), ("CHUNK_QUEUE_URL", record.chunks, chunks),
        ] {
            guard let old, let new, !old.isSame(as: new) else { continue }
            said.append("\(name) is \(new.url) now (was \(old.url)): restart the workers with it")
        }
        let texts = [
            ("HANDOVER_BUCKET", record.handoffBucket, handoffBucket),
            ("HANDOVER_PREFIX", record.handoffPrefix, handoffPrefix),
            ("DOCUMENTS", record.rules, rules), ("TENANT", record.tenant, tenant),
        ]
        for (name, old, new) in texts {
            guard let old, let new, !old.utf8.elementsEqual(new.utf8) else { continue }
            var line = "\(name) is \"\(new.printable)\" now (was \"\(old.printable)\"): restart the workers with it"
            if name == "DOCUMENTS" || name == "TENANT" {
                line += ", then run 'ingestctl repair', which moves documents of the former rule"
            }
            said.append(line)
        }
        record.events = events ?? record.events
        record.chunks = chunks ?? record.chunks
        record.handoffBucket = handoffBucket ?? record.handoffBucket
        record.handoffPrefix = handoffPrefix ?? record.handoffPrefix
        record.rules = rules ?? record.rules
        record.tenant = tenant ?? record.tenant
        return said
    }
}
