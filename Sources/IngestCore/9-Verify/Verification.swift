import AsyncPrimitives
import OpenSearch
import Resilience

/// Compares bucket, ledger and index in one pass, in bounded memory.
///
/// The fleet works meanwhile: what differs is looked at again after `settle`, and only what stays as it is counts as a difference.
package struct Verification: Sendable {
    package struct Options: Sendable {
        /// How long a difference has to last, and a version may be on its way.
        package var settle: Duration
        package var pendingBound: Duration
        /// What has not become live after `settle` is a difference, too.
        package var isStrict: Bool

        package init(
            settle: Duration = .seconds(20),
            pendingBound: Duration = .seconds(900),
            isStrict: Bool = false
        ) {
            self.settle = settle
            self.pendingBound = pendingBound
            self.isStrict = isStrict
        }
    }

    private let states: KeyStates
    private let comparison: Comparison
    /// For which what is on its way is no difference.
    private let lenient: Comparison
    private let options: Options
    private let time: any TimeSource

    /// - Parameter tenant: whose document an object is; nil for one that is none.
    package init(
        listing: any ObjectListing,
        client: OpenSearchClient,
        names: IndexNames,
        options: Options,
        time: any TimeSource,
        tenant: @escaping @Sendable (ObjectReference) -> String?
    ) {
        states = KeyStates(listing: listing, client: client, names: names)
        comparison = Comparison(pendingBound: options.pendingBound, isStrict: options.isStrict, tenant: tenant)
        lenient = Comparison(pendingBound: options.pendingBound, tenant: tenant)
        self.options = options
        self.time = time
    }

    /// Verifies the keys of a bucket below `prefix`.
    ///
    /// - Parameters:
    ///   - start: the checkpoint of an earlier run.
    ///   - report: called for each difference, in no order.
    ///   - progress: called after each page, with the last key that was seen, and the last that is done: nothing up to it is still to be looked
    ///     at again.
    /// - Returns: what was seen.
    package func run(
        _ bucket: String,
        prefix: String,
        after start: String?,
        report: ([Difference], KeyState) async throws -> Void,
        progress: (VerificationSummary, _ seen: String?, _ done: String?) async throws -> Void
    ) async throws -> VerificationSummary {
        var summary = VerificationSummary()
        var suspects = SuspectLine(settle: options.settle)
        var (place, checkpoint) = (start, start)
        try await states.refresh()
        repeat {
            let (objects, last) = try await states.page(of: bucket, prefix: prefix, after: place) { state in
                summary.count(state)
                let found = comparison.differences(state, at: time.now)
                guard !found.isEmpty else { return }
                suspects.add(Suspect(state, found, at: time.uptime))
                while suspects.isFull { try await settle(&suspects, in: bucket, &summary, report) }
            }
            summary.objects += objects
            if suspects.hasDue(at: time.uptime) { try await settle(&suspects, in: bucket, &summary, report) }
            place = last
            if suspects.isEmpty { checkpoint = last ?? checkpoint }
            try await progress(summary, last, checkpoint)
        } while place != nil
        while !suspects.isEmpty {
            try await settle(&suspects, in: bucket, &summary, report)
            try await progress(summary, nil, nil)
        }
        return summary
    }

    /// Only what is on its way is there to say, and it is not late: readers see what the bucket held at an earlier look.
    private func isFollowed(_ suspect: Suspect, _ state: KeyState, _ found: [Difference]) -> Bool {
        options.isStrict && lenient.differences(state, at: time.now).isEmpty && suspect.isFollowed(state, found)
    }

    /// Looks again at the suspects that have waited long enough; waits for the first of them.
    private func settle(
        _ suspects: inout SuspectLine,
        in bucket: String,
        _ summary: inout VerificationSummary,
        _ report: ([Difference], KeyState) async throws -> Void
    ) async throws {
        if let wait = suspects.wait(at: time.uptime), wait > .zero { try await time.sleep(for: wait) }
        let due = suspects.takeDue(at: time.uptime)
        guard !due.isEmpty else { return }
        try await states.refresh()
        var byKey: [ObjectReference: KeyState] = [:]
        for state in try await states.states(of: due.map(\.object.key), in: bucket) { byKey[state.object] = state }
        for suspect in due {
            let state = byKey[suspect.object] ?? KeyState(suspect.object)
            let found = comparison.differences(state, at: time.now)
            guard !found.isEmpty, !isFollowed(suspect, state, found) else { continue }
            let now = Suspect(state, found, at: time.uptime, after: suspect)
            if now.signature != suspect.signature, now.looks < Suspect.maximumLooks {
                suspects.add(now)
            } else {
                summary.count(found)
                try await report(found, state)
            }
        }
    }
}

/// What a verification has seen.
package struct VerificationSummary: Equatable, Sendable, Codable {
    package var objects = 0
    package var records = 0
    package var chunks = 0
    /// Documents whose newest version is rejected: they are as they should be.
    package var rejected = 0
    /// Versions on their way.
    package var pending = 0
    package var differences: [String: Int] = [:]

    package init() {}

    package var isClean: Bool { differences.isEmpty }

    mutating func count(_ state: KeyState) {
        records += state.records.count
        chunks += state.groups.reduce(0) { $0 + $1.count }
        for record in state.records {
            if record.lastRejection != nil || record.live?.reason != nil { rejected += 1 }
            if record.pending != nil { pending += 1 }
        }
    }

    mutating func count(_ found: [Difference]) {
        for difference in found { differences[difference.kind.rawValue, default: 0] += 1 }
    }

    package mutating func add(_ other: VerificationSummary) {
        objects += other.objects
        records += other.records
        chunks += other.chunks
        rejected += other.rejected
        pending += other.pending
        differences.merge(other.differences, uniquingKeysWith: +)
    }
}
