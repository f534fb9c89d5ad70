import AsyncPrimitives
import IngestCore

/// Plays a plan: with the rules that the programs themselves ask.
struct SimulatedOperator {
    let world: World
    let plan: PipelinePlan
    /// Starts a pipeline's workers.
    let start: @Sendable (Lane) -> Void
    /// Ends a pipeline's workers, and returns when they have ended.
    let stop: @Sendable (Lane) async -> Void

    /// No run lasts longer.
    private static let latest = Duration.seconds(7000)

    private var clock: SimulatedClock { world.scheduler.clock }

    func run() async {
        let steps: [(at: Duration, body: () async -> Void)] = [
            (plan.subscribe, subscribe), (plan.start, startSecond), (plan.replay, replay),
        ]
        for step in steps.sorted(by: { $0.at < $1.at }) {
            await sleep(until: step.at)
            await step.body()
        }
        for at in plan.switches {
            await sleep(until: at)
            await switchReaders(to: world.alias.other)
        }
        guard let at = plan.retire else { return }
        await sleep(until: at)
        if plan.triesToRetireTheRead { await retire(world.alias) }
        await retire(world.alias.other)
    }

    private func sleep(until time: Duration) async { try? await clock.sleep(for: max(.zero, time - world.uptime)) }

    private func note(_ what: String) { world.note("operator", what, "") }

    private func subscribe() async {
        world.pipeline(.second).isSubscribed = true
        note("subscribes the second event queue")
    }

    private func startSecond() async {
        let second = world.pipeline(.second)
        if plan.triesFirstQueues {
            switch Admission.decide(Self.worker(.second, queuesOf: .first), among: records) {
            case .refused: note("is refused the first pipeline's queues")
            case .admitted, .unregistered:
                note("starts the second pipeline's workers WITH THE FIRST QUEUES")
                second.usesFirstQueues = true
            }
        }
        second.isRunning = true
        start(.second)
    }

    /// Every object of the bucket as it is listed now.
    private func replay() async {
        note("replays the bucket")
        for key in world.bucket.documents {
            let body = ObjectChange.hint(for: ObjectReference(bucket: World.documents, key: key))
            let late = Duration.milliseconds(world.faults.draw(0...2000))
            let queue = world.pipeline(.second).usesFirstQueues ? Lane.first : .second
            world.pipeline(queue).events.add(body, document: key, now: world.now, visibleAt: world.uptime + late)
        }
    }

    /// As they are before the second pipeline's first worker starts: `setup` has registered it without its queues.
    private var records: [PipelineRecord] {
        var second = record(.second)
        (second.events, second.chunks) = (nil, nil)
        return [record(.first), second]
    }

    private func record(_ lane: Lane) -> PipelineRecord {
        var record = PipelineRecord(lane.names, state: world.alias == lane ? .live : .standby, at: World.start)
        let worker = Self.worker(lane, queuesOf: lane)
        (record.events, record.chunks) = (worker.events, worker.chunks)
        return record
    }

    private static func worker(_ lane: Lane, queuesOf other: Lane) -> WorkerSettingsSummary {
        func queue(_ name: String) -> QueueIdentity {
            QueueIdentity(url: "http://sqs/\(other.rawValue)/\(name)", arn: "arn:aws:sqs:r:0:\(other.rawValue)-\(name)")
        }
        return WorkerSettingsSummary(
            names: lane.names,
            kind: "ingest-worker",
            events: queue("events"),
            chunks: queue("chunks"),
            handoff: ObjectReference(bucket: World.handoffs, key: "hand-over/")
        )
    }

    /// As `ingestctl switch`: verifies, looks again at what is on its way, and compares the counts. Until nothing speaks against it.
    private func switchReaders(to lane: Lane) async {
        let began = world.now
        var suspects: [String: Suspect] = [:]
        while world.uptime < Self.latest, world.violation == nil {
            let found = unfollowed(lane, &suspects)
            let counts = (ours: live(lane).count, theirs: live(world.alias).count, index: world.alias.names.chunks)
            guard !PipelineTransitions.problemsOfSwitch(record(lane), found: found, live: counts).isEmpty else { break }
            try? await clock.sleep(for: .seconds(1))
        }
        checkSwitch(to: lane, since: began)
        world.alias = lane
        note("switches readers to \(lane)")
    }

    /// What differs between bucket and pipeline, but for documents whose version of an earlier look has become live.
    private func unfollowed(_ lane: Lane, _ suspects: inout [String: Suspect]) -> VerificationSummary {
        let comparison = Comparison(pendingBound: .seconds(100_000), isStrict: true) { _ in "t" }
        var summary = VerificationSummary()
        for key in world.documents {
            let object = ObjectReference(bucket: World.documents, key: key)
            var state = KeyState(object)
            state.listed = world.bucket.etag(ofDocument: key).map { ObjectPage.Entry(key: key, bytes: 1, etag: $0) }
            state.records = [world.index.record(of: key, lane)].compactMap(\.self)
            state.groups = groups(key, lane)
            let found = comparison.differences(state, at: world.now)
            let last = suspects[key]
            suspects[key] = Suspect(state, found, at: world.uptime, after: last)
            if let last, last.isFollowed(state, found) { continue }
            for difference in found { summary.differences[difference.kind.rawValue, default: 0] += 1 }
        }
        return summary
    }

    private func groups(_ key: String, _ lane: Lane) -> [ChunkGroup] {
        let chunks = world.index.chunks(of: lane).filter { $0.key == key }
        return Dictionary(grouping: chunks, by: \.generation).map { generation, chunks in
            ChunkGroup(
                documentID: chunks[0].document_id,
                generation: generation,
                tenant: "t",
                count: chunks.count,
                last: chunks.map(\.chunk_index).max() ?? 0
            )
        }.sorted { $0.generation < $1.generation }
    }

    private func live(_ lane: Lane) -> Set<String> {
        Set(world.documents.filter { world.index.record(of: $0, lane)?.live?.chunkCount ?? 0 > 0 })
    }

    /// What readers see from now on was in the bucket at some time since the operator began.
    private func checkSwitch(to lane: Lane, since began: Timestamp) {
        for key in world.documents {
            let record = world.index.record(of: key, lane)
            let seen = record?.live.map { $0.chunkCount == 0 ? Content.absent : $0.content } ?? .absent
            let contents = world.bucket.contents(of: key, since: began)
            // A rejected version leaves the one before, or none.
            let isRejected = record?.rejected.contains { contents.contains($0.content) } ?? false
            let isRejectedLive = record?.live?.reason != nil
            guard !contents.contains(seen), !isRejected, !isRejectedLive else { continue }
            world.violate(.readers, "after the switch readers see \(seen), which the bucket does not hold", key)
        }
    }

    private func retire(_ lane: Lane) async {
        if let problem = PipelineTransitions.problemOfRetirement(record(lane), readers: [world.alias.names.chunks]) {
            return note("is refused to retire: \(problem)")
        }
        note("retires \(lane)")
        let pipeline = world.pipeline(lane)
        pipeline.isSubscribed = false
        pipeline.isRetired = true
        await stop(lane)
        world.index.drop(lane)
        for queue in [pipeline.events, pipeline.chunks, pipeline.dead] { queue.messages = [] }
    }

    /// Readers, all the time.
    func read() async {
        while world.violation == nil, world.uptime < plan.end + .seconds(5) {
            if world.pipeline(world.alias).isRetired { world.violate(.readers, "readers see a retired pipeline", "") }
            try? await clock.sleep(for: .milliseconds(500))
        }
    }
}
