import AsyncPrimitives

/// Documents that wait for an extractor, in turns over tenants (`TenantTurns`). A document that takes long is begun again as a slow one, and those
/// have half of the lanes together.
///
/// Unchecked: `monitor` synchronizes.
final class ExtractionQueue: @unchecked Sendable {
    private let monitor = Monitor()
    private let lanes: Int
    private var waiting: [ExtractorLane.Job] = []
    private var turns: TenantTurns
    /// How many slow ones are at work, and how many of each tenant are at work or wait.
    private var slow = 0
    private var slowOfTenant: [String: Int] = [:]
    private var isClosed = false
    private let time: any TimeSource

    init(lanes: Int, time: any TimeSource) {
        self.lanes = lanes
        self.time = time
        turns = TenantTurns(lanes: lanes)
    }

    func put(_ job: ExtractorLane.Job) {
        monitor.locked {
            waiting.append(job)
            if job.isSlow { slowOfTenant[job.tenant, default: 0] += 1 }
            monitor.signal()
        }
    }

    /// The next document for a lane, which has to call `finish`; nil when the queue is closed and empty.
    func take() -> ExtractorLane.Job? {
        monitor.locked {
            while true {
                dropCancelled()
                if let place = next() { return begin(waiting.remove(at: place)) }
                if isClosed, waiting.isEmpty { return nil }
                monitor.wait()
            }
        }
    }

    private func begin(_ job: ExtractorLane.Job) -> ExtractorLane.Job {
        turns.begin(job.tenant)
        if job.isSlow { slow += 1 }
        return job
    }

    func finish(_ job: ExtractorLane.Job, wasSlow: Bool) {
        monitor.locked {
            turns.end(job.tenant, now: time.uptime)
            if wasSlow {
                slow -= 1
                removeSlow(job.tenant)
            }
            monitor.signal()
        }
    }

    private func removeSlow(_ tenant: String) {
        let left = (slowOfTenant[tenant] ?? 0) - 1
        slowOfTenant[tenant] = left > 0 ? left : nil
    }

    private func dropCancelled() {
        for job in waiting where job.isCancelled && job.isSlow { removeSlow(job.tenant) }
        waiting.removeAll { $0.isCancelled }
    }

    /// True where the document waits for slow ones of its tenant: it will not be begun.
    func withdraw(_ job: ExtractorLane.Job) -> Bool {
        monitor.locked {
            guard slowOfTenant[job.tenant] != nil, !job.isSlow, let place = waiting.firstIndex(where: { $0 === job })
            else { return false }
            waiting.remove(at: place)
            turns.setBusy(job.tenant, now: time.uptime)
            return true
        }
    }

    /// Whether slow documents of the tenant hold up its others, of which one waits for the next free lane.
    func isBusy(_ tenant: String) -> Bool {
        monitor.locked { turns.isBusy(tenant, now: time.uptime) && waiting.contains { $0.tenant == tenant } }
    }

    func close() {
        monitor.locked {
            isClosed = true
            monitor.signal()
        }
    }

    /// The place of the document whose turn it is; nil where no lane may take one.
    private func next() -> Int? {
        turns.next(among: waiting, tenant: \.tenant) { !$0.isSlow || slow < max(1, lanes / 2) }
    }
}
