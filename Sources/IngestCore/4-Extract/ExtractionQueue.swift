import AsyncPrimitives

/// Documents that wait for an extractor, in turns over tenants: the next is of the tenant that has the fewest running, and among those of the one that
/// was served the longest time ago.
///
/// A tenant has all lanes but one at most, so that another finds one free. A document that takes long is begun again as a slow one, and those have half
/// of the lanes together.
///
/// Unchecked: `monitor` synchronizes.
final class ExtractionQueue: @unchecked Sendable {
    private struct Tenant {
        var running = 0
        /// Of those, and of those that wait.
        var slow = 0
        /// The place of its last turn in the order of all turns.
        var lastTurn = 0
        var isBusyUntil: ContinuousClock.Instant?
    }

    private let monitor = Monitor()
    private let lanes: Int
    private var waiting: [ExtractorLane.Job] = []
    private var tenants: [String: Tenant] = [:]
    private var slow = 0
    private var turns = 0
    private var isClosed = false
    /// After a document of a tenant has waited in vain: so long its others are not begun.
    private static let busyTime = Duration.seconds(30)

    init(lanes: Int) { self.lanes = lanes }

    func put(_ job: ExtractorLane.Job) {
        monitor.locked {
            waiting.append(job)
            if job.isSlow { tenants[job.tenant, default: Tenant()].slow += 1 }
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
        turns += 1
        tenants[job.tenant, default: Tenant()].running += 1
        tenants[job.tenant]?.lastTurn = turns
        if job.isSlow { slow += 1 }
        return job
    }

    func finish(_ job: ExtractorLane.Job, wasSlow: Bool) {
        monitor.locked {
            tenants[job.tenant]?.running -= 1
            if wasSlow {
                slow -= 1
                tenants[job.tenant]?.slow -= 1
            }
            // Names of tenants come with messages: their number must not grow.
            tenants = tenants.filter {
                $0.value.running > 0 || $0.value.slow > 0 || $0.value.lastTurn > turns - 1000 || isBusy($0.value)
            }
            monitor.signal()
        }
    }

    private func dropCancelled() {
        for job in waiting where job.isCancelled && job.isSlow { tenants[job.tenant]?.slow -= 1 }
        waiting.removeAll { $0.isCancelled }
    }

    /// True where the document waits for slow ones of its tenant: it will not be begun.
    func withdraw(_ job: ExtractorLane.Job) -> Bool {
        monitor.locked {
            guard tenants[job.tenant]?.slow ?? 0 > 0, !job.isSlow, let place = waiting.firstIndex(where: { $0 === job })
            else { return false }
            waiting.remove(at: place)
            tenants[job.tenant, default: Tenant()].isBusyUntil = .now + Self.busyTime
            return true
        }
    }

    /// Whether slow documents of the tenant hold up its others, of which as many wait as there are lanes.
    func isBusy(_ tenant: String) -> Bool {
        monitor.locked { tenants[tenant].map(isBusy) ?? false && waiting.count { $0.tenant == tenant } >= lanes }
    }

    func close() {
        monitor.locked {
            isClosed = true
            monitor.signal()
        }
    }

    private func isBusy(_ tenant: Tenant) -> Bool { tenant.isBusyUntil.map { $0 > .now } ?? false }

    /// The place of the document whose turn it is; nil where no lane may take one.
    private func next() -> Int? {
        var best: (place: Int, tenant: Tenant)?
        for (place, job) in waiting.enumerated() {
            let tenant = tenants[job.tenant] ?? Tenant()
            guard tenant.running < max(1, lanes - 1), !job.isSlow || slow < max(1, lanes / 2) else { continue }
            if let found = best,
                (found.tenant.running, found.tenant.lastTurn) <= (tenant.running, tenant.lastTurn)
            {
                continue
            }
            best = (place, tenant)
        }
        return best?.place
    }
}
