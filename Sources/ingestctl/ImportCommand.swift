import CommandLineOptions
import FoundationEssentials
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// `ingestctl import`.
struct ImportCommand: Command {
    static let declaration = CommandDeclaration(
        name: "import",
        summary: "write an export into the index of the same settings; what is there stays; may be repeated",
        operands: "FOLDER",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration],
        example: "import /backup/documents-2026-11-28",
        json: ["imported": "index records chunks recordsKept chunksKept"]
    )

    private let folder: String
    private static let batch = 200

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        folder = operands.first ?? ""
    }

    private struct ChunkHead: Decodable {
        struct Source: Decodable { var document_id: String }
        var _id: String
        var _source: Source
    }

    private struct LedgerLine: Decodable {
        var _id: String
        var _source: StoredRecord
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let manifest = try ExportManifest.read(folder)
        let pipeline = try await context.pipeline()
        guard manifest.pipeline.fingerprint == pipeline.fingerprint else {
            throw PipelineRefusal(
                reason:
                    "\(folder) is of another pipeline: \(Admission.differences(pipeline.names, manifest.pipeline)). Run 'ingestctl setup' with its settings, and import with them"
            )
        }
        guard manifest.parts.count == 2, manifest.parts.allSatisfy(\.value.isComplete) else {
            throw Failure.fleet("the export in \(folder) is not complete: run 'ingestctl export' again, it goes on")
        }
        let chunks = try await send("chunks", manifest, context) { line, scanner in
            let head = try JSONDecoder().decode(ChunkHead.self, from: Data(line))
            let source = Array(try Self.source(&scanner))
            return BulkOperation(
                .create(source: source),
                index: pipeline.names.writeAlias,
                id: head._id,
                routing: head._source.document_id,
                requiresAlias: true
            )
        }
        let records = try await send("ledger", manifest, context) { line, _ in
            let stored = try JSONDecoder().decode(LedgerLine.self, from: Data(line))
            guard var record = stored._source.record else { return nil }
            var id = stored._id
            if record.index != pipeline.index {
                // Another alias: ids of records hash the index.
                guard !record.isErased else { return nil }
                record.index = pipeline.index
                id = DocumentID(tenant: record.tenant, object: record.object).recordID(index: pipeline.index)
            }
            let source = Array(try JSONEncoder().encode(record))
            return BulkOperation(.create(source: source), index: pipeline.names.ledger, id: id)
        }
        context.output.item(
            "imported",
            "\(pipeline.index): \(records.written) records and \(chunks.written) chunks; there already: \(records.kept) and \(chunks.kept)"
        ) {
            $0.field("index", pipeline.index)
            $0.field("records", records.written)
            $0.field("chunks", chunks.written)
            $0.field("recordsKept", records.kept)
            $0.field("chunksKept", chunks.kept)
        }
        context.output.note("'ingestctl verify' compares it with the bucket, 'ingestctl repair' brings it up to date")
        return .success
    }

    private static func source(_ scanner: inout JSONScanner) throws -> ArraySlice<UInt8> {
        var found = ArraySlice<UInt8>()
        try scanner.object { scanner, key in
            if key == "_source" { found = try scanner.raw() } else { try scanner.skip() }
        }
        return found
    }

    private func send(
        _ name: String,
        _ manifest: ExportManifest,
        _ context: CommandContext,
        _ operation: (ArraySlice<UInt8>, inout JSONScanner) throws -> BulkOperation?
    ) async throws -> (written: Int, kept: Int) {
        let reader = try LineReader("\(folder)/\(name).ndjson")
        var meter = ProgressMeter(
            context.output,
            context.services.time,
            name,
            total: manifest.parts[name]?.count
        )
        var (written, kept, number) = (0, 0, 0)
        var batch: [BulkOperation] = []
        func flush() async throws {
            for result in await context.services.openSearch.bulk(batch, of: .index) {
                if case .done = try result.get() { written += 1 } else { kept += 1 }
            }
            batch = []
        }
        while let line = try reader.next() {
            number += 1
            do {
                var scanner = JSONScanner(Array(line))
                if let made = try operation(line, &scanner) { batch.append(made) }
            } catch {
                throw Failure.fleet("line \(number) of \(folder)/\(name).ndjson cannot be read")
            }
            if batch.count >= Self.batch { try await flush() }
            meter.update(number)
        }
        try await flush()
        meter.finish()
        guard number == manifest.parts[name]?.count else {
            throw Failure.fleet(
                "\(folder)/\(name).ndjson has \(number) lines where the manifest says \(manifest.parts[name]?.count ?? 0)"
            )
        }
        return (written, kept)
    }
}
