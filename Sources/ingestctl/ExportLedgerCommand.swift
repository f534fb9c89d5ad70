import AsyncPrimitives
import CommandLineOptions
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// `ingestctl export-ledger`: the state of every document, for Athena, Snowflake and QuickSight.
struct ExportLedgerCommand: Command {
    static let declaration = CommandDeclaration(
        name: "export-ledger",
        summary: "write the state of every document as JSON lines under an S3 prefix, partitioned by day",
        operands: "s3://BUCKET/PREFIX/",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration],
        example: "export-ledger s3://papers-export/ledger/",
        json: ["exported-ledger": "index day records objects"]
    )

    /// Records of one object of the export: about 16 MB of lines.
    private static let perObject = 50_000
    private let target: ObjectAddress?

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        target = ObjectAddress.list(operands, &reader).first?.asPrefix
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        guard let target else { return .finding }
        let pipeline = try await context.pipeline()
        let client = context.services.openSearch
        _ = try await client.send("POST", "/\(pipeline.names.ledger)/_refresh", of: .ledger)
        let now = context.services.time.now
        let day = String(now.iso8601.prefix(10))
        let folder = "\(target.key.isEmpty || target.key.hasSuffix("/") ? target.key : target.key + "/")day=\(day)/"
        let part = ExportPart.ledger(pipeline)
        var meter = ProgressMeter(
            context.output,
            context.services.time,
            "records",
            total: try await part.count(client)
        )
        var (lines, waiting, records, objects) = ([UInt8](), 0, 0, 0)
        func write() async throws {
            // The name is the same for a second run of the day: the last one counts.
            let key = "\(folder)\(pipeline.index)-\(Self.padded(objects)).jsonl.zst"
            try await context.store.write(ObjectReference(bucket: target.bucket, key: key), Zstandard.compress(lines))
            (lines, waiting, objects) = ([], 0, objects + 1)
        }
        var place: [JSONScalar]?
        repeat {
            let page = try await part.records(after: place, client)
            for record in page.records where !record.key.isEmpty {
                lines += Self.line(record, exported: now.iso8601)
                (waiting, records) = (waiting + 1, records + 1)
                if waiting == Self.perObject { try await write() }
            }
            meter.update(records)
            place = page.last
        } while place != nil
        if waiting > 0 || objects == 0 { try await write() }
        meter.finish()
        let summary = "\(records) records of \(pipeline.index) in \(objects) objects of s3://\(target.bucket)/\(folder)"
        context.output.item("exported-ledger", summary) {
            $0.field("index", pipeline.index)
            $0.field("day", day)
            $0.field("records", records)
            $0.field("objects", objects)
        }
        return .success
    }

    private static func padded(_ number: Int) -> String { String(String(number + 100_000).dropFirst()) }

    /// Flat, with the columns of deploy/analytics: what reads it needs no knowledge of the ledger.
    private static func line(_ record: DocumentRecord, exported: String) -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.field("exported_at", exported)
            json.field("pipeline", record.index)
            json.field("tenant", record.tenant)
            json.field("bucket", record.bucket)
            json.field("key", record.key)
            json.field("state", record.stateName)
            json.field("generation", record.live?.generation ?? 0)
            json.field("newest_generation", record.newest)
            json.field("chunks", record.live?.chunkCount ?? 0)
            json.field("created_at", record.created.iso8601)
            if let live = record.live {
                json.field("committed_at", live.committed.iso8601)
                if let sent = live.sent {
                    json.field("event_at", sent.iso8601)
                    json.field("seconds_to_searchable", Int(max(0, live.committed.duration(since: sent).seconds)))
                }
                if let quality = live.quality { json.field("quality_percent", quality) }
                json.field("flags", live.flags ?? [])
            }
            if let rejection = record.lastRejection {
                json.field("rejection_reason", rejection.reason)
                if let at = rejection.at { json.field("rejected_at", at.iso8601) }
            }
        }
        json.newline()
        return json.bytes
    }
}

extension DocumentRecord {
    /// In a word, of those that `ingestctl serve` filters by.
    fileprivate var stateName: String {
        let state: LedgerListing.State =
            switch status {
            case .pending, .new: .pending
            case .rejected: .rejected
            case .deleted: .deleted
            case .live: .live
            }
        return state.rawValue
    }
}

extension ExportPart {
    private struct Line: Decodable { var _source: StoredRecord }

    /// The records of a page that can be read.
    func records(after last: [JSONScalar]?, _ client: OpenSearchClient) async throws -> (
        records: [DocumentRecord], last: [JSONScalar]?
    ) {
        let page = try await next(after: last, client)
        let records = page.lines.split(separator: 0x0A).compactMap { JSONLine.decode(Line.self, $0)?._source.record }
        return (records, page.last)
    }
}
