import AsyncPrimitives
import Observability
import Resilience

/// Keeps received messages invisible for as long as they are worked on: every one from the moment of receive, queued ones included.
package final class LeaseKeeper: Sendable {
    /// One delivery's lease. `lost` opens when the message is no longer ours.
    package final class Lease: Sendable {
        let receipt: String
        let received: Duration
        package let lost = Latch()

        init(receipt: String, received: Duration) {
            self.receipt = receipt
            self.received = received
        }
    }

    private struct Entry {
        let lease: Lease
        var extended: Duration
    }

    /// SQS counts 12 hours from the receive, and extending does not reset them; beyond them an extension is an error and no shorter one
    /// (SQS developer guide, "visibility timeout"). Five seconds are for the way there.
    private static let longest = Duration.seconds(43_200 - 5)
    /// Work ends this long before, so that the message can be released.
    private static let margin = Duration.seconds(60)
    private static let maximumTick = Duration.seconds(5)

    private let queue: any MessageQueue
    private let timeout: Duration
    private let time: any TimeSource
    private let heartbeat: Heartbeat
    private let log: Log
    private let entries = LockedValue([String: Entry]())
    /// Extensions in flight.
    private let calls = LockedValue([Call]())
    /// Concurrent calls: 512 messages take 52 of them.
    private static let callsAtOnce = 8

    private struct Call {
        let receipts: Set<String>
        let isOver: Latch
    }

    package init(
        queue: any MessageQueue,
        timeout: Duration,
        time: any TimeSource,
        heartbeat: Heartbeat,
        log: Log
    ) {
        self.queue = queue
        self.timeout = timeout
        self.time = time
        self.heartbeat = heartbeat
        self.log = log
    }

    package func add(_ delivery: Delivery) -> Lease {
        let lease = Lease(receipt: delivery.receipt, received: time.uptime)
        entries.withLock { $0[delivery.receipt] = Entry(lease: lease, extended: lease.received) }
        return lease
    }

    package func remove(_ receipt: String) { entries.withLock { _ = $0.removeValue(forKey: receipt) } }

    /// Returns when no extension of these is in flight, so that no extension follows the release.
    package func end(_ receipts: [String]) async {
        for receipt in receipts { remove(receipt) }
        let inFlight = calls.withLock { $0.filter { !$0.receipts.isDisjoint(with: receipts) } }
        for call in inFlight { try? await call.isOver.wait() }
    }

    package var count: Int { entries.withLock { $0.count } }

    /// Extends at half-life until it is cancelled.
    package func run() async {
        while (try? await time.sleep(for: min(Self.maximumTick, timeout / 8))) != nil {
            heartbeat.beat(time.uptime)
            await extendDue()
        }
    }

    private func extendDue() async {
        let now = time.uptime
        let (due, ended) = entries.withLock { entries in
            let ended = entries.values.filter { now - $0.lease.received >= Self.longest - Self.margin }.map(\.lease)
            for lease in ended { entries.removeValue(forKey: lease.receipt) }
            let due = entries.values.filter { now - $0.extended >= timeout / 2 }.map(\.lease)
            return (due.sorted { ($0.received, $0.receipt) < ($1.received, $1.receipt) }, ended)
        }
        for lease in ended { lease.lost.open() }
        // Near the end of the 12 hours each lease has a rest of its own.
        let full = due.filter { left($0, at: now) >= timeout }
        var batches = stride(from: 0, to: full.count, by: 10).map { start in
            (Array(full[start..<min(full.count, start + 10)]), timeout)
        }
        batches += due.filter { left($0, at: now) < timeout }.map { ([$0], left($0, at: now)) }
        await withDiscardingTaskGroup { group in
            let slots = AsyncSemaphore(Self.callsAtOnce)
            for (leases, timeout) in batches {
                guard (try? await slots.acquire()) != nil else { return }
                group.addTask {
                    await self.extend(leases, by: timeout)
                    slots.release()
                }
            }
        }
    }

    private func left(_ lease: Lease, at now: Duration) -> Duration {
        .seconds(Int((lease.received + Self.longest - now).seconds))
    }

    private func extend(_ leases: [Lease], by timeout: Duration) async {
        let leases = entries.withLock { entries in leases.filter { entries[$0.receipt] != nil } }
        guard !leases.isEmpty else { return }
        let call = Call(receipts: Set(leases.map(\.receipt)), isOver: Latch())
        calls.withLock { $0.append(call) }
        defer {
            calls.withLock { $0.removeAll { $0.isOver === call.isOver } }
            call.isOver.open()
        }
        let sent = time.uptime
        let results: [Result<Void, LeaseError>]
        do {
            // A call that takes longer than this leaves too little of the lease for the next one.
            results = try await time.limit(max(self.timeout / 4, .seconds(3))) { [queue] in
                try await queue.setVisibility(leases.map(\.receipt), timeout)
            }
        } catch {
            let metadata = ["messages": "\(leases.count)", "error": Failure(error).summary]
            return log.warning("failed to extend visibility timeout, retrying", metadata)
        }
        for (lease, result) in zip(leases, results) {
            switch result {
            case .success: entries.withLock { $0[lease.receipt]?.extended = sent }
            case .failure(.lost):
                remove(lease.receipt)
                lease.lost.open()
            case .failure(.failed(let code)):
                log.warning("failed to extend visibility timeout, retrying", ["code": code])
            }
        }
    }
}
