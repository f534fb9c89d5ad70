import AsyncPrimitives
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// What bucket, ledger, index and workers hold of one document, and what follows from it.
struct DocumentView: Sendable {
    let object: ObjectReference
    /// Nil where the bucket has none, or may not be listed.
    let listed: ObjectPage.Entry?
    /// Why the bucket could not be looked at.
    let bucketProblem: String?
    let tenant: String?
    let state: KeyState
    let differences: [Difference]
    /// A worker that holds a message of it now.
    let worker: WorkerReport?
    let now: Timestamp

    enum Verdict: Equatable, Sendable {
        case searchable
        /// And what to do about it.
        case not(String)

        var isSearchable: Bool { self == .searchable }
    }

    static func read(_ object: ObjectReference, _ pipeline: PipelineRecord, _ context: CommandContext) async throws
        -> DocumentView
    {
        let (services, rules) = (context.services, try context.rules(pipeline))
        var (listed, problem) = (ObjectPage.Entry?.none, String?.none)
        do {
            listed = try await context.store.entry(object)
        } catch {
            problem = Failure(error).summary
        }
        let now = services.time.now
        let client = services.openSearch
        var state = try await DocumentLookup(client: client, names: pipeline.names).state(of: object)
        state.listed = listed
        let comparison = Comparison(pendingBound: .seconds(900)) { rules.tenant(of: $0) }
        let reports = try await WorkerReports(client: client).running(at: now)
        return DocumentView(
            object: object,
            listed: listed,
            bucketProblem: problem,
            tenant: rules.tenant(of: object),
            state: state,
            differences: problem == nil ? comparison.differences(state, at: now) : [],
            worker: reports.first { report in report.jobs.contains { $0.objects.contains(object.description) } },
            now: now
        )
    }

    /// The record that the object should have; else the one that is there.
    var record: DocumentRecord? {
        state.records.first { record in tenant.map { $0.utf8.elementsEqual(record.tenant.utf8) } ?? false }
            ?? state.records.first
    }

    var liveGroup: ChunkGroup? { state.groups.first { $0.generation == record?.live?.generation } }

    var verdict: Verdict {
        if let problem = bucketProblem { return .not("the bucket cannot be looked at: \(problem)") }
        guard let listed else {
            let isLeft = state.groups.contains { $0.count > 0 }
            return .not(
                isLeft
                    ? "the object is gone, and chunks of it are left: 'ingestctl repair' removes them"
                    : "there is no such object in the bucket"
            )
        }
        guard tenant != nil else { return .not("a rule leaves the object out (DOCUMENTS)") }
        if listed.bytes == 0, object.key.utf8.last == 0x2F {
            return .not("it marks a folder: an empty object that ends with a slash")
        }
        let content = Content(etag: listed.etag)
        guard let record else {
            return .not(
                worker == nil
                    ? "no event of it ever came: look at the bucket's notifications ('ingest-worker --check'), then send one ('ingestctl retry \(object)')"
                    : "\(worker?.kind ?? "") on \(worker?.host ?? "") works on it"
            )
        }
        let isLive = record.live?.content.hasBytes(of: content) ?? false
        if let rejection = record.lastRejection, rejection.content.hasBytes(of: content) || !isLive {
            return .not("rejected as \(rejection.reason): \(rejection.detail)")
        }
        if let reason = record.live?.reason {
            return .not("rejected as \(reason); the version before was removed (ON_REJECTION)")
        }
        if isLive, let group = liveGroup, group.count == record.live?.chunkCount {
            return .searchable
        }
        if isLive, record.live?.chunkCount == 0 { return .searchable }
        if let pending = record.pending {
            let since = pending.since.map { " since \($0.iso8601)" } ?? ""
            return .not(
                "generation \(pending.generation) is on its way\(since): \(pending.handedOff ? "its chunks wait for embed-worker" : "ingest-worker has reserved it")"
            )
        }
        let found = differences.map { "\($0.kind.rawValue) (\($0.detail))" }.joined(separator: "; ")
        return .not("\(found.isEmpty ? "another version is live" : found): 'ingestctl repair \(object)' sets it right")
    }
}
