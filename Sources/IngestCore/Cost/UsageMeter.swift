import AsyncPrimitives
import Observability
import Resilience

/// Counts what a worker embeds, by tenant and day, and writes it into the cluster every minute. An end without a warning loses the last minute.
package final class UsageMeter: Sendable {
    private struct Key: Hashable {
        var day: String
        var tenant: String
    }

    private struct State {
        var records: [Key: UsageRecord] = [:]
        var changed = Set<Key>()
    }

    private let index: String
    private let worker: String
    private let time: any TimeSource
    private let state = LockedValue(State())
    private static let period = Duration.seconds(60)
    /// Of other tenants this worker's metrics show the sum.
    private static let mostTenants = 100
    private static let others = "other tenants"

    /// - Parameters:
    ///   - index: the pipeline's.
    ///   - random: makes the worker's name.
    package init(index: String, time: any TimeSource, random: RandomSource) {
        self.index = index
        self.time = time
        worker = random.workerName()
    }

    package func add(_ spend: EmbeddingSpend, chunks: Int, of tenant: String) {
        change(tenant) {
            $0.spend += spend
            $0.chunks += chunks
        }
    }

    package func commit(of tenant: String) { change(tenant) { $0.versions += 1 } }

    private func change(_ tenant: String, _ body: (inout UsageRecord) -> Void) {
        let key = Key(day: time.now.date, tenant: tenant)
        state.withLock { state in
            body(
                &state.records[
                    key,
                    default: UsageRecord(index: index, day: key.day, tenant: tenant, worker: worker)
                ]
            )
            state.changed.insert(key)
        }
    }

    /// What metrics show.
    package var readings: [Metrics.Reading] {
        let today = time.now.date
        let records = state.withLock { $0.records.values.filter { $0.day == today } }
            .sorted { ($1.spend.tokens, $0.tenant) < ($0.spend.tokens, $1.tenant) }
        var shown = records.prefix(Self.mostTenants).map { ($0.tenant, $0.spend) }
        let rest = records.dropFirst(Self.mostTenants).reduce(EmbeddingSpend()) { $0 + $1.spend }
        if rest.tokens > 0 { shown.append((Self.others, rest)) }
        return shown.flatMap { tenant, spend in
            [
                Metrics.Reading(.tenantTokens, tenant, Double(spend.tokens)),
                Metrics.Reading(.tenantCost, tenant, spend.dollars),
            ]
        }
    }

    /// Writes until it is cancelled, and then once more.
    package func run(_ records: UsageRecords, log: Log) async {
        while !Task.isCancelled {
            try? await time.sleep(for: Self.period)
            await flush(records, log)
        }
    }

    package func flush(_ records: UsageRecords, _ log: Log) async {
        let due = state.withLock { state in
            let due = state.changed.compactMap { state.records[$0] }
            state.changed = []
            let today = time.now.date
            state.records = state.records.filter { $0.key.day == today }
            return due
        }
        for record in due {
            do {
                try await records.write(record)
            } catch {
                log.debug("usage cannot be written; it is written later", ["error": Failure(error).summary])
                let key = Key(day: record.day, tenant: record.tenant)
                state.withLock { state in
                    // A day that is over is still to be written.
                    state.records[key] = state.records[key] ?? record
                    state.changed.insert(key)
                }
            }
        }
    }
}
