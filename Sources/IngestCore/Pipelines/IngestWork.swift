import AsyncPrimitives
import ExtractionWire
import Observability

/// One object of an event, with the names that follow from it.
struct IngestWork: Sendable {
    let object: ObjectReference
    let tenant: String
    let job: WorkLoop.Job
    let index: String
    let document: DocumentID
    let recordID: String
    /// An operator requested a retry of a rejected document.
    let retriesRejected: Bool
    /// A repair: a new version is made, whatever is known.
    let rebuilds: Bool
    let lane: Lane
    /// The object is not this tenant's any more: whatever the bucket holds, its document is removed.
    private(set) var vanishes = false

    init(_ object: ObjectReference, tenant: String, _ job: WorkLoop.Job, index: String, _ changes: [ObjectChange]) {
        self.object = object
        self.tenant = tenant
        self.job = job
        self.index = index
        retriesRejected = changes.contains { $0.retriesRejected } || job.first.isRedriven
        rebuilds = changes.contains { $0.rebuilds }
        lane = changes.map(\.lane).min() ?? .live
        document = DocumentID(tenant: tenant, object: object)
        recordID = document.recordID(index: index)
    }

    /// The same object as another tenant's, whose document is removed.
    func vanishing(of tenant: String) -> IngestWork {
        let change = ObjectChange(object: object, event: "", rebuilds: rebuilds)
        var work = IngestWork(object, tenant: tenant, job, index: index, [change])
        work.vanishes = true
        return work
    }

    /// Whether the record is of this tenant, as the index knows it, and nothing is left to remove.
    func isRemoved(_ record: DocumentRecord) -> Bool {
        record.live.map { $0.content == .absent && $0.chunkCount == 0 } ?? true && record.pending == nil
            && record.retired.isEmpty && record.rejected.isEmpty
    }

    var origin: EventOrigin {
        var origin = EventOrigin(sent: sent, trace: job.first.trace)
        origin.lane = lane
        return origin
    }

    /// When the newest of the job's events was sent.
    var sent: Timestamp { job.deliveries.map(MessageCopy.firstSent).max() ?? job.first.sent }

    var metadata: Log.Metadata { job.first.metadata.merging(["object": object.description]) { $1 } }

    func newRecord(at time: Timestamp) -> DocumentRecord {
        DocumentRecord(tenant: tenant, object: object, index: index, created: time)
    }

    func header(_ record: DocumentRecord, chunkCount: Int, _ names: IndexNames) -> ChunkMessage.Header {
        ChunkMessage.Header(
            tenant: record.tenant,
            object: record.object,
            documentID: document.description,
            index: names.chunks,
            fingerprint: names.fingerprint.description,
            generation: record.newest,
            content: record.pending?.content ?? .unknown,
            chunkCount: chunkCount
        ).of(self)
    }

    func deadLetter(_ rejection: Rejection, generation: Int?) -> DeadLetterMessage {
        DeadLetterMessage(
            body: ObjectChange.hint(for: object, retriesRejected: true),
            reason: rejection.code.name,
            detail: rejection.detail,
            object: object.description,
            generation: generation
        )
    }

    /// The dead-letter message of the current rejection.
    func deadLetterMessage(_ record: DocumentRecord) -> DeadLetterMessage? {
        record.knownRejection.map {
            DeadLetterMessage(
                body: ObjectChange.hint(for: object, retriesRejected: true),
                reason: $0.reason,
                detail: $0.detail,
                object: object.description,
                generation: $0.generation
            )
        }
    }
}

/// What a read of the bucket found.
enum FoundContent {
    case unchanged
    case absent
    case stored(StoredObject)
    case refused(RefusedObject)

    var isUnchanged: Bool { if case .unchanged = self { true } else { false } }

    var content: Content {
        switch self {
        case .unchanged: .unknown
        case .absent: .absent
        case .stored(let stored): Content(etag: stored.etag)
        case .refused(let refused): refused.etag.map(Content.init(etag:)) ?? .unknown
        }
    }

    var metadata: DocumentMetadata {
        if case .stored(let stored) = self { stored.metadata } else { DocumentMetadata() }
    }

    var lastModified: String { if case .stored(let stored) = self { stored.lastModified } else { "" } }
}

extension ChunkMessage.Header {
    fileprivate func of(_ work: IngestWork) -> Self {
        var header = self
        header.sent = work.sent
        header.lane = work.lane == .live ? nil : work.lane.rawValue
        return header
    }

    /// What is known of the document, cut in bytes: each of its chunks carries it.
    mutating func describe(_ document: ExtractedDocument, _ settings: IngestSettings, _ found: FoundContent) {
        let notes = document.notes
        format = document.format.name
        title = document.title.prefix(utf8: 1024)
        language = document.language.prefix(utf8: 64)
        author = document.author.isEmpty ? nil : document.author.prefix(utf8: 512)
        quality = notes.percent
        flags = notes.flags
        leftOut = notes.leftOutPercent(of: document.text.inkedCharacters)
        created = notes.created.isEmpty ? nil : notes.created.prefix(utf8: 64)
        modified = notes.modified.isEmpty ? nil : notes.modified.prefix(utf8: 64)
        links = Self.first(notes.links)
        attachments = Self.first(notes.attachments)
        outline = Self.first(notes.outline.map(\.title))
        lastModified = Timestamp(httpDate: found.lastModified)?.iso8601 ?? ""
        let chunking = settings.chunking
        context = chunking.context == .none ? nil : chunking.context
        describe(found.metadata, settings.metadata)
        analyzer = chunking.usesLanguageAnalyzers ? WordAnalyzer(tag: language)?.rawValue : nil
    }

    /// What stands beside the object.
    private mutating func describe(_ beside: DocumentMetadata, _ settings: MetadataSettings) {
        if beside.isCut { flags = (flags ?? []) + ["metadata_cut"] }
        access = settings.accessList(beside)
        var all = beside
        // Libraries look for it there; what the object says of itself goes before.
        if beside["title"] == nil, !title.isEmpty { all.set("title", .text(title)) }
        guard !all.isEmpty else { return }
        metadata = String(decoding: all.json, as: UTF8.self)
        if case .text(let address) = beside["url"] { url = address.prefix(utf8: 2048) }
    }

    private static let maximumList = 20

    private static func first(_ values: [String]) -> [String]? {
        values.isEmpty ? nil : values.prefix(maximumList).map { $0.prefix(utf8: 256) }
    }
}
