import AsyncPrimitives
import IngestCore
import TextCoding

/// `ingestctl show`, for a person and as JSON.
struct DocumentReport: Sendable {
    private let view: DocumentView
    private let pipeline: PipelineRecord
    private let price: EmbeddingPrice?

    init(_ view: DocumentView, _ pipeline: PipelineRecord, _ price: EmbeddingPrice?) {
        self.view = view
        self.pipeline = pipeline
        self.price = price
    }

    private var record: DocumentRecord? { view.record }

    private var verdict: String {
        switch view.verdict {
        case .searchable: "searchable"
        case .not(let why): "not searchable: \(why)"
        }
    }

    private var dollars: Double? { view.liveGroup.flatMap { group in price?.dollars(tokens: group.tokens) } }

    private var dollarText: String? { dollars.map { "$\(Dollars.text($0))" } }

    var text: String {
        rows.map { name, value in
            name + String(repeating: " ", count: max(1, 15 - name.count)) + value.oneLine
        }.joined(separator: "\n")
    }

    var rows: [(name: String, value: String)] {
        var lines = [("object", view.object.description), ("pipeline", pipeline.index)]
        if let listed = view.listed {
            lines.append(("in the bucket", "\(listed.bytes) bytes, etag \(listed.etag), \(listed.lastModified)"))
        } else {
            lines.append(("in the bucket", view.bucketProblem ?? "no"))
        }
        lines.append(("tenant", view.tenant ?? "none: left out by a rule (DOCUMENTS)"))
        for other in view.state.records where other.tenant != view.tenant && other.live?.chunkCount ?? 0 > 0 {
            lines.append(("also stands", "under tenant \(other.tenant), generation \(other.live?.generation ?? 0)"))
        }
        lines += versions
        if let group = view.liveGroup {
            let pages = group.pages > 0 ? "\(group.pages) pages, " : ""
            lines.append(
                (
                    "in the index",
                    "\(pages)\(group.count) chunks, \(group.tokens) tokens\(dollarText.map { ", about \($0)" } ?? "")"
                )
            )
        }
        if let worker = view.worker { lines.append(("at work", "\(worker.kind) on \(worker.host)")) }
        lines += view.differences.map { ("differs", "\($0.kind.rawValue): \($0.detail)") }
        lines.append(("verdict", verdict))
        return lines.map { (name: $0.0, value: $0.1) }
    }

    private var versions: [(String, String)] {
        guard let record else { return [("ledger", "no record: no event was processed")] }
        var lines: [(String, String)] = []
        if let live = record.live {
            let state = live.content == .absent ? "deleted" : "\(live.chunkCount) chunks"
            lines.append(
                (
                    "live",
                    "generation \(live.generation), \(state), committed \(live.committed.iso8601)\(Self.origin(live.sent, live.trace))"
                )
            )
            if let quality = live.quality {
                lines.append(
                    (
                        "quality",
                        "\(quality) %, \(live.leftOut ?? 0) % left out, flags: \((live.flags ?? []).isEmpty ? "none" : (live.flags ?? []).joined(separator: " "))"
                    )
                )
            }
        }
        if let tokens = record.paidTokens {
            let text = "\(record.live?.tokens ?? 0) tokens for this version, \(tokens) for all of them"
            let cost = record.paidCost.map { ": $\(Dollars.text(EmbeddingSpend(cost: $0).dollars))" }
            lines.append(("paid", text + (cost ?? "")))
        }
        if let pending = record.pending {
            let since = pending.since.map { " since \($0.iso8601)" } ?? ""
            lines.append(
                (
                    "on its way",
                    "generation \(pending.generation), \(pending.chunkCount) chunks, \(pending.handedOff ? "sent to embed-worker" : "reserved")\(since)\(Self.origin(pending.sent, pending.trace))"
                )
            )
        }
        for entry in record.rejected {
            let at = entry.at.map { " at \($0.iso8601)" } ?? ""
            lines.append(("rejected", "generation \(entry.generation)\(at): \(entry.reason): \(entry.detail)"))
        }
        return lines
    }

    private static func origin(_ sent: Timestamp?, _ trace: String?) -> String {
        (sent.map { ", event of \($0.iso8601)" } ?? "") + (trace.map { ", trace \($0)" } ?? "")
    }

    func write(into json: inout JSONWriter) {
        json.field("bucket", view.object.bucket)
        json.field("key", view.object.key)
        json.field("index", pipeline.index)
        json.field("searchable", view.verdict.isSearchable)
        json.field("verdict", verdict)
        if let listed = view.listed {
            json.object("object") {
                $0.field("bytes", listed.bytes)
                $0.field("etag", listed.etag)
                $0.field("lastModified", listed.lastModified)
            }
        }
        if let tenant = view.tenant { json.field("tenant", tenant) }
        if let live = record?.live { json.object("live") { Self.write(live, &$0) } }
        if let tokens = record?.paidTokens { json.field("paidTokens", tokens) }
        if let pending = record?.pending {
            json.object("pending") {
                $0.field("generation", pending.generation)
                $0.field("chunks", pending.chunkCount)
                $0.field("sent", pending.handedOff)
                if let since = pending.since { $0.field("since", since.iso8601) }
                if let trace = pending.trace { $0.field("trace", trace) }
            }
        }
        json.key("rejected")
        json.array { rejected in
            for entry in record?.rejected ?? [] {
                rejected.object {
                    $0.field("generation", entry.generation)
                    $0.field("reason", entry.reason)
                    $0.field("detail", entry.detail)
                    if let at = entry.at { $0.field("at", at.iso8601) }
                }
            }
        }
        if let group = view.liveGroup {
            json.field("pages", group.pages)
            json.field("chunks", group.count)
            json.field("tokens", group.tokens)
            if let dollars {
                json.key("dollars")
                json.number(dollars)
            }
        }
        if let worker = view.worker { json.field("worker", "\(worker.kind) \(worker.host)") }
        json.key("differences")
        json.array { differences in
            for difference in view.differences { differences.object { difference.write(into: &$0) } }
        }
    }

    private static func write(_ live: LiveGeneration, _ json: inout JSONWriter) {
        json.field("generation", live.generation)
        json.field("deleted", live.content == .absent)
        json.field("chunks", live.chunkCount)
        json.field("committed", live.committed.iso8601)
        if let sent = live.sent { json.field("eventSent", sent.iso8601) }
        if let trace = live.trace { json.field("trace", trace) }
        if let quality = live.quality { json.field("quality", quality) }
        if let leftOut = live.leftOut { json.field("leftOutPercent", leftOut) }
        json.field("flags", live.flags ?? [])
        if let reason = live.reason { json.field("reason", reason) }
        if let tokens = live.tokens { json.field("paidTokens", tokens) }
    }
}

extension DocumentView {
    /// The chunks of the live version.
    func chunks(_ context: CommandContext, _ pipeline: PipelineRecord) async throws -> [ChunkLine] {
        guard let record, let live = record.live else { return [] }
        let document = DocumentID(tenant: record.tenant, object: object)
        let lookup = DocumentLookup(client: context.services.openSearch, names: pipeline.names)
        return try await lookup.chunks(document, generation: live.generation).map(ChunkLine.init)
    }
}

/// A chunk as it is shown.
struct ChunkLine: Sendable {
    let chunk: IndexedChunkText

    init(_ chunk: IndexedChunkText) { self.chunk = chunk }

    var pages: String {
        guard let first = chunk.page_start, let last = chunk.page_end else { return "" }
        return first == last ? "page \(first)" : "pages \(first)-\(last)"
    }

    var headings: String { (chunk.headings ?? []).joined(separator: " › ") }

    var text: String {
        let head = ["chunk \(chunk.chunk_index)", pages, "\(chunk.tokens ?? 0) tokens", headings].filter { !$0.isEmpty }
        let lines = chunk.text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
        return "\n-- \(head.joined(separator: ", ").oneLine)\n\(lines.joined(separator: "\n"))"
    }

    func write(into json: inout JSONWriter) {
        json.field("index", chunk.chunk_index)
        if let first = chunk.page_start { json.field("pageStart", first) }
        if let last = chunk.page_end { json.field("pageEnd", last) }
        if let start = chunk.char_start { json.field("charStart", start) }
        if let end = chunk.char_end { json.field("charEnd", end) }
        json.field("tokens", chunk.tokens ?? 0)
        json.field("headings", chunk.headings ?? [])
        json.field("text", chunk.text)
    }
}
