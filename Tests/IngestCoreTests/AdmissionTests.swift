import AsyncPrimitives
import IngestCore
import Testing

/// Which worker may start beside which pipelines.
@Suite struct AdmissionTests {
    private static func names(_ tokens: Int, alias: String = "docs") -> IndexNames {
        let fingerprint = PipelineFingerprint(
            chunking: ChunkingSettings(tokens: tokens, overlap: 0),
            tokenizer: "x",
            model: "m",
            dimensions: 4
        )
        return IndexNames(alias: alias, fingerprint: fingerprint)
    }

    private static func queue(_ name: String, host: String = "h") -> QueueIdentity {
        QueueIdentity(url: "https://\(host)/1/\(name)", arn: "arn:aws:sqs:r:1:\(name)")
    }

    private static func worker(_ names: IndexNames, _ pipeline: String, rules: String? = "s3://docs/")
        -> WorkerSettingsSummary
    {
        var worker = WorkerSettingsSummary(
            names: names,
            kind: "ingest-worker",
            events: queue("\(pipeline)-events"),
            chunks: queue("\(pipeline)-chunks"),
            handoff: ObjectReference(bucket: "hand", key: "hand-over/")
        )
        (worker.rules, worker.tenant) = (rules, "default")
        return worker
    }

    /// As `setup` registers it, and the first workers after it.
    private static func registered(_ names: IndexNames, _ pipeline: String, state: PipelineRecord.State = .live)
        -> PipelineRecord
    {
        var record = PipelineRecord(names, state: state, at: Timestamp(milliseconds: 0))
        guard case .admitted(let claimed) = Admission.decide(worker(names, pipeline), among: [record]) else {
            return record
        }
        record = claimed
        return record
    }

    private func reason(_ worker: WorkerSettingsSummary, _ records: [PipelineRecord]) -> String? {
        guard case .refused(let reason) = Admission.decide(worker, among: records) else { return nil }
        return reason
    }

    @Test func theFirstWorkerRegistersWhatSetupDidNotSay() throws {
        let names = Self.names(512)
        let record = Self.registered(names, "a")
        #expect(
            record.events?.arn == "arn:aws:sqs:r:1:a-events" && record.rules == "s3://docs/"
                && record.handoffBucket == "hand"
        )
        #expect(Admission.decide(Self.worker(names, "a"), among: [record]) == .admitted(record))
        // A worker that has no rules says nothing of them.
        #expect(Admission.decide(Self.worker(names, "a", rules: nil), among: [record]) == .admitted(record))
    }

    @Test func aRollingUpdateWithOtherSettingsIsRefusedAndTheSettingNamed() {
        let old = Self.registered(Self.names(512), "a")
        let new = PipelineRecord(Self.names(128), state: .building, at: Timestamp(milliseconds: 0))
        for records in [[old], [old, new]] {
            let reason = reason(Self.worker(Self.names(128), "a"), records)
            #expect(reason?.contains("CHUNK_TOKENS is 512 there and 128 here") == true)
            #expect(reason?.contains("EMBEDDING_MODEL") == false)
        }
        #expect(Admission.decide(Self.worker(Self.names(128), "b"), among: [old, new]) != .admitted(new))
        guard case .admitted = Admission.decide(Self.worker(Self.names(128), "b"), among: [old, new]) else {
            return _ = Issue.record("queues of its own are refused")
        }
    }

    @Test func oneQueueUnderTwoAddressesIsOneQueue() {
        let old = Self.registered(Self.names(512), "a")
        var worker = Self.worker(Self.names(128), "b")
        worker.chunks = QueueIdentity(url: "https://other.host/1/x", arn: "arn:aws:sqs:r:1:a-chunks")
        #expect(reason(worker, [old])?.contains("CHUNK_QUEUE_URL") == true)
        // The other pipeline's event queue as the chunk queue, and of another alias.
        worker.chunks = Self.queue("a-events")
        #expect(reason(worker, [old]) != nil)
        var stranger = Self.worker(Self.names(512, alias: "other"), "a")
        #expect(reason(stranger, [old])?.contains("OPENSEARCH_INDEX is docs there and other here") == true)
        // Without a right to read the ARN the addresses decide.
        stranger.events.arn = nil
        #expect(reason(stranger, [old]) != nil)
    }

    @Test(arguments: [
        "DOCUMENTS", "TENANT", "HANDOVER_BUCKET", "HANDOVER_PREFIX", "INGEST_QUEUE_URL", "CHUNK_QUEUE_URL",
    ])
    func anotherValueThanTheRegisteredIsRefusedByName(_ name: String) {
        let names = Self.names(512)
        let record = Self.registered(names, "a")
        var worker = Self.worker(names, "a")
        switch name {
        case "DOCUMENTS": worker.rules = "s3://other/"
        case "TENANT": worker.tenant = "other"
        case "HANDOVER_BUCKET": worker.handoffBucket = "other"
        case "HANDOVER_PREFIX": worker.handoffPrefix = "other/"
        case "INGEST_QUEUE_URL": worker.events = Self.queue("other")
        default: worker.chunks = Self.queue("other")
        }
        #expect(reason(worker, [record])?.hasPrefix("\(name) is ") == true)
        // What the registry does not say yet differs from nothing.
        #expect(
            Admission.decide(worker, among: [PipelineRecord(names, state: .live, at: Timestamp(milliseconds: 0))])
                != .unregistered("")
        )
    }

    @Test func retiredAndUnregisteredPipelinesHaveNoWorkers() {
        let names = Self.names(512)
        #expect(
            reason(Self.worker(names, "a"), [Self.registered(names, "a", state: .retired)])?.contains("retired") == true
        )
        guard case .unregistered(let reason) = Admission.decide(Self.worker(names, "a"), among: []) else {
            return _ = Issue.record("admitted")
        }
        #expect(reason.contains("ingestctl setup"))
        // The queues of a retired pipeline are free.
        let retired = Self.registered(Self.names(128), "a", state: .retired)
        #expect(self.reason(Self.worker(names, "a"), [retired, Self.registered(names, "a")]) == nil)
    }

    @Test func transitionsSayWhatSpeaksAgainstThem() {
        let record = Self.registered(Self.names(512), "a", state: .building)
        var found = VerificationSummary()
        #expect(PipelineTransitions.problemsOfSwitch(record, found: found, live: (3, 3, "old")).isEmpty)
        #expect(PipelineTransitions.problemsOfSwitch(record, found: found, live: (2, 3, "old")).count == 1)
        found.differences = ["missing": 2, "stale": 1]
        #expect(PipelineTransitions.problemsOfSwitch(record, found: found, live: nil).count == 2)
        #expect(PipelineTransitions.problemOfRetirement(record, readers: ["other"]) == nil)
        #expect(PipelineTransitions.problemOfRetirement(record, readers: [record.index]) != nil)
        #expect(PipelineTransitions.problemOfRetirement(Self.registered(Self.names(512), "a"), readers: []) != nil)
    }
}
