import AsyncPrimitives
import Observability
import Resilience

/// Sends an event for every object below a prefix that the ledger does not have as it is: objects that were there before the fleet sent none.
///
/// Safe to repeat: what the ledger knows costs a share of a listing and of a ledger request, and no event.
package struct Replay: Sendable {
    /// What it looks at, and where its events go.
    package struct Stages: Sendable {
        package var listing: any ObjectListing
        package var ledger: any Ledger
        package var queue: any MessageQueue
        package var checkpoints: any ReplayCheckpoints
        /// Nil where no document has to be read.
        package var forecast: ChangeForecast?

        package init(
            listing: any ObjectListing,
            ledger: any Ledger,
            queue: any MessageQueue,
            checkpoints: any ReplayCheckpoints,
            forecast: ChangeForecast? = nil
        ) {
            self.listing = listing
            self.ledger = ledger
            self.queue = queue
            self.checkpoints = checkpoints
            self.forecast = forecast
        }
    }

    private let stages: Stages
    private let settings: ReplaySettings
    private let documents: IngestSettings
    private let program: Program
    private let log: Log
    private let time: any TimeSource
    /// What "24h" counts from: a replay may run for days.
    private let started: Timestamp

    package init(
        stages: Stages,
        settings: ReplaySettings,
        documents: IngestSettings,
        program: Program,
        log: Log,
        time: any TimeSource
    ) {
        self.stages = stages
        self.settings = settings
        self.documents = documents
        self.program = program
        self.log = log
        self.time = time
        started = time.now
    }

    private var filter: ReplayFilter { settings.filter }
    /// Objects between two checkpoints.
    private static let step = 100
    private static let sendsAtOnce = 16
    private static let readsAtOnce = 4
    /// In fair queues a replay's backlog does not delay new events.
    private static let group = "replay"
    private static let recheck = Duration.seconds(5)

    package func run() async throws -> ReplayResult {
        var last = settings.startAfter
        var checkpoint = ReplayCheckpoint(replay: settings.name, lastKey: last ?? "", written: time.now)
        if settings.resumes {
            checkpoint = try await resumed()
            last = checkpoint.lastKey.isEmpty ? nil : checkpoint.lastKey
        }
        let total = try await count(after: last)
        var meter = ProgressMeter(program, time, "objects", total: total)
        defer { meter.finish() }
        var pace = Pace(rate: settings.rate, time: time)
        var result = ReplayResult()
        while true {
            let page = try await page(after: last)
            for start in stride(from: 0, to: page.entries.count, by: Self.step) {
                let part = Array(page.entries[start..<min(page.entries.count, start + Self.step)])
                let done = try await take(part, &result, &checkpoint, &pace)
                last = done ?? last
                if result.stoppedBefore != nil { return result }
                meter.update(result.objects, "\(result.events) events, \(result.unchanged) unchanged")
            }
            if page.next == nil || page.entries.isEmpty {
                checkpoint.isFinished = true
                try await save(&checkpoint)
                return result
            }
        }
    }

    private func resumed() async throws -> ReplayCheckpoint {
        guard let found = try await stages.checkpoints.read(settings.name) else {
            throw ReplayRefusal("there is no replay of \(settings.name) to go on with: run it without --resume")
        }
        if found.isFinished {
            throw ReplayRefusal(
                "the replay of \(settings.name) was finished at \(found.written.iso8601): run it without --resume"
            )
        }
        log.notice("replay resumed", ["after": found.lastKey, "events": "\(found.events)"])
        return found
    }

    /// The number of objects, for the progress: a listing costs a request for a thousand of them.
    private func count(after start: String?) async throws -> Int {
        var (count, last) = (0, start)
        while true {
            let page = try await page(after: last)
            count += page.entries.count { isChosen($0) }
            last = page.entries.last?.key ?? last
            if page.next == nil || page.entries.isEmpty { return count }
        }
    }

    private func page(after last: String?) async throws -> ObjectPage {
        let target = filter.target
        return try await stages.listing.page(bucket: target.bucket, prefix: target.key, after: last, limit: 1000)
    }

    private func isChosen(_ entry: ObjectPage.Entry) -> Bool {
        filter.chooses(entry, at: started) && documents.tenant(of: object(entry)) != nil
    }

    private func object(_ entry: ObjectPage.Entry) -> ObjectReference {
        ObjectReference(bucket: filter.target.bucket, key: entry.key)
    }

    /// Works on some objects of a page, in their order; the last key that is done.
    private func take(
        _ entries: [ObjectPage.Entry],
        _ result: inout ReplayResult,
        _ checkpoint: inout ReplayCheckpoint,
        _ pace: inout Pace
    ) async throws -> String? {
        let chosen = entries.enumerated().filter { isChosen($0.element) }
        let changed = try await changed(chosen.map(\.element))
        let found = try await findings(chosen.map { object($0.element) }.filter(changed.contains))
        var events: [ObjectReference] = []
        var charged = 0
        var done = entries.count
        for (place, entry) in chosen {
            let object = object(entry)
            let finding = found[object]
            if case .changed(let cost)? = finding, let budget = settings.budget,
                checkpoint.tokens + charged + cost.paidTokens > budget
            {
                result.stoppedBefore = "\(object)"
                done = place
                break
            }
            result.objects += 1
            result.bytes += entry.bytes
            guard changed.contains(object), finding != .unchanged || filter.includesUnchanged else {
                result.unchanged += 1
                continue
            }
            events.append(object)
            if case .rejected? = finding { result.rejected += 1 }
            if case .changed(let cost)? = finding {
                result.cost += cost
                charged += cost.paidTokens
            }
        }
        checkpoint.tokens += charged
        // Charged before anything is sent: a run that is killed here counts them twice, and never too few.
        if settings.budget != nil, charged > 0 { try await save(&checkpoint) }
        try await send(events.map { ObjectChange.hint(for: $0, rebuilds: filter.rebuilds, lane: settings.lane) }, &pace)
        result.events += events.count
        checkpoint.events += events.count
        if done > 0 { checkpoint.lastKey = entries[done - 1].key }
        try await save(&checkpoint)
        return done > 0 ? entries[done - 1].key : nil
    }

    private func save(_ checkpoint: inout ReplayCheckpoint) async throws {
        checkpoint.written = time.now
        log.info("replay progress", ["events": "\(checkpoint.events)", "last_key": checkpoint.lastKey])
        if !settings.isDryRun { try await stages.checkpoints.write(checkpoint) }
    }

    /// Those that the ledger does not have as they are listed.
    private func changed(_ entries: [ObjectPage.Entry]) async throws -> Set<ObjectReference> {
        if filter.includesUnchanged { return Set(entries.map(object)) }
        return try await withThrowingTaskGroup(of: ObjectReference?.self) { group in
            for entry in entries { group.addTask { try await isKnown(entry) ? nil : object(entry) } }
            return try await group.reduce(into: Set()) { found, object in if let object { found.insert(object) } }
        }
    }

    private func isKnown(_ entry: ObjectPage.Entry) async throws -> Bool {
        let object = object(entry)
        let subject = documents.metadata.subject(of: object)
        guard let tenant = documents.tenant(of: subject ?? object) else { return true }
        let id = DocumentID(tenant: tenant, object: subject ?? object).recordID(index: documents.names.chunks)
        guard let record = try await stages.ledger.read(id).record else { return false }
        if subject != nil {
            // Its document has been read since.
            guard let live = record.live, let modified = Timestamp(iso8601: entry.lastModified) else { return false }
            return modified < live.committed
        }
        guard let known = record.knownContent, known.hasBytes(of: Content(etag: entry.etag)), known != .unknown else {
            return false
        }
        return record.knownRejection.map { documents.rejections.hold($0, sent: time.now) } ?? true
    }

    private func findings(_ objects: [ObjectReference]) async throws -> [ObjectReference: ChangeForecast.Finding] {
        guard let forecast = stages.forecast else { return [:] }
        return try await withThrowingTaskGroup(of: (ObjectReference, ChangeForecast.Finding).self) { group in
            var found: [ObjectReference: ChangeForecast.Finding] = [:]
            for (number, object) in objects.enumerated() {
                if number >= Self.readsAtOnce, let (read, finding) = try await group.next() { found[read] = finding }
                guard let tenant = documents.tenant(of: object), documents.metadata.subject(of: object) == nil else {
                    continue
                }
                group.addTask {
                    (object, try await forecast.finding(object, tenant: tenant, rebuilds: filter.rebuilds))
                }
            }
            for try await (object, finding) in group { found[object] = finding }
            return found
        }
    }

    /// An event for every document below the prefix whose newest version is rejected, or never came to an end: it is tried again.
    package func runRejected(_ walk: LedgerWalk) async throws -> ReplayResult {
        var objects: [ObjectReference] = []
        let unreadable = try await walk.forEach { record in
            let isRejected = record.lastRejection != nil || record.live?.reason != nil
            guard isRejected, record.bucket.utf8.elementsEqual(filter.target.bucket.utf8),
                record.key.utf8.starts(with: filter.target.key.utf8), documents.tenant(of: record.object) != nil,
                filter.chooses(ObjectPage.Entry(key: record.key, bytes: 1, etag: ""), at: started)
            else { return }
            objects.append(record.object)
        }
        for id in unreadable { log.error(StoredRecord.unreadable(id, in: walk.names.ledger)) }
        var pace = Pace(rate: settings.rate, time: time)
        try await send(objects.map { ObjectChange.hint(for: $0, retriesRejected: true, lane: settings.lane) }, &pace)
        var result = ReplayResult()
        result.events = objects.count
        return result
    }

    private func send(_ bodies: [String], _ pace: inout Pace) async throws {
        guard !settings.isDryRun, !bodies.isEmpty else { return }
        try await waitForRoom()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, body) in bodies.enumerated() {
                if number >= Self.sendsAtOnce { try await group.next() }
                try await pace.wait()
                let message = OutgoingMessage(body: body, group: Self.group)
                group.addTask { try await stages.queue.send(message) }
            }
            try await group.waitForAll()
        }
    }

    /// Uploads do not wait behind more than so many events of a replay.
    private func waitForRoom() async throws {
        guard let depth = settings.queueDepth else { return }
        var isWaiting = false
        while try await stages.queue.attributes().visibleMessages >= depth {
            if !isWaiting {
                log.notice("replay waits: \(depth) messages are in the queue (--queue-depth)")
                isWaiting = true
            }
            try await time.sleep(for: Self.recheck)
        }
    }
}

/// A replay that cannot begin, and what to do.
package struct ReplayRefusal: ClassifiedError {
    package let failure: Failure

    init(_ description: String) { failure = .fleet(description) }
}
