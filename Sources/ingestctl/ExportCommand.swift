import CommandLineOptions
import FoundationEssentials
import HTTPTransport
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// `ingestctl export`.
struct ExportCommand: Command {
    static let declaration = CommandDeclaration(
        name: "export",
        summary: "write ledger and chunks of a pipeline into a folder; goes on where it was interrupted",
        operands: "FOLDER",
        operandCount: 1...1,
        settings: [CommandContext.pipelineSetting.declaration],
        example: "export /backup/documents-2026-11-28",
        json: ["exported": "index folder records chunks"]
    )

    private let folder: String

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        folder = operands.first ?? ""
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        var manifest = try ExportManifest.open(folder, pipeline)
        let client = context.services.openSearch
        for index in [pipeline.names.ledger, pipeline.index] { _ = try await client.send("POST", "/\(index)/_refresh") }
        for part in ExportPart.all(pipeline) {
            var state = manifest.parts[part.name] ?? ExportManifest.Part()
            if state.isComplete { continue }
            let total = try await part.count(client)
            var meter = ProgressMeter(context.output, context.services.time, part.name, total: total)
            let file = try LineWriter("\(folder)/\(part.name).ndjson", from: state.bytes)
            while !state.isComplete {
                let page = try await part.next(after: state.last, client)
                try file.write(page.lines)
                try file.flush()
                state.count += page.count
                (state.bytes, state.last) = (file.bytes, page.last)
                state.isComplete = page.last == nil
                manifest.parts[part.name] = state
                try manifest.write(folder)
                meter.update(state.count)
            }
            meter.finish()
        }
        let (records, chunks) = (manifest.parts["ledger"]?.count ?? 0, manifest.parts["chunks"]?.count ?? 0)
        context.output.item("exported", "\(pipeline.index): \(records) records and \(chunks) chunks in \(folder)") {
            $0.field("index", pipeline.index)
            $0.field("folder", folder)
            $0.field("records", records)
            $0.field("chunks", chunks)
        }
        return .success
    }
}

/// `manifest.json` of an export: whose it is, and how far it came.
struct ExportManifest: Codable {
    struct Part: Codable {
        var count = 0
        var bytes = 0
        /// The sort values of the last line.
        var last: [JSONScalar]?
        var isComplete = false
    }

    static let version = 1
    var format = ExportManifest.version
    var pipeline: PipelineRecord
    var parts: [String: Part] = [:]

    init(pipeline: PipelineRecord) { self.pipeline = pipeline }

    private static func path(_ folder: String) -> String { "\(folder)/manifest.json" }

    /// The one of an interrupted export, or a new one.
    static func open(_ folder: String, _ pipeline: PipelineRecord) throws -> ExportManifest {
        if let found = try? read(folder) {
            guard found.pipeline.index == pipeline.index else {
                throw Failure.fleet("\(folder) holds an export of \(found.pipeline.index): choose another folder")
            }
            return found
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure.fleet("\(folder) cannot be made")
        }
        return ExportManifest(pipeline: pipeline)
    }

    static func read(_ folder: String) throws -> ExportManifest {
        guard let bytes = LocalFiles().contents(path(folder)),
            let found = try? JSONDecoder().decode(ExportManifest.self, from: Data(bytes))
        else { throw Failure.fleet("\(folder) holds no export: there is no readable manifest.json") }
        guard found.format == version else {
            throw Failure.fleet("\(folder) has format \(found.format); this version reads \(version)")
        }
        return found
    }

    func write(_ folder: String) throws(Failure) {
        do {
            try JSONEncoder().encode(self).write(to: URL(filePath: Self.path(folder)), options: .atomic)
        } catch {
            throw .fleet("\(Self.path(folder)) cannot be written")
        }
    }
}

/// A string or a whole number, as sort values are.
enum JSONScalar: Codable, Equatable {
    case text(String)
    case number(Int)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        }
    }
}

/// Ledger or chunks: lines of `{"_id": …, "_source": …}`.
struct ExportPart {
    let name: String
    let index: String
    /// The records of one index; nil for all that `index` holds.
    let filter: String?
    let sort: [String]
    let size: Int

    /// The ledger last: a version that was replaced meanwhile is found by `verify`.
    static func all(_ pipeline: PipelineRecord) -> [ExportPart] { [chunks(pipeline), ledger(pipeline)] }

    private static func chunks(_ pipeline: PipelineRecord) -> ExportPart {
        ExportPart(
            name: "chunks",
            index: pipeline.index,
            filter: nil,
            sort: ["document_id", "generation", "chunk_index"],
            size: 200
        )
    }

    static func ledger(_ pipeline: PipelineRecord) -> ExportPart {
        ExportPart(
            name: "ledger",
            index: pipeline.names.ledger,
            filter: pipeline.index,
            sort: ["bucket", "key", "tenant", "created", "newest"],
            size: 1000
        )
    }

    private func query(_ json: inout JSONWriter) {
        json.object("query") { query in
            if let filter {
                query.object("term") { $0.field("index", filter) }
            } else {
                query.object("match_all") { _ in }
            }
        }
    }

    private struct Count: Decodable { var count: Int }

    func count(_ client: OpenSearchClient) async throws -> Int {
        let response = try await client.send("POST", "/\(index)/_count", body: JSONWriter.object { query(&$0) })
        return try client.decode(Count.self, response).count
    }

    /// A page's lines; `last` is nil at the end.
    func next(after last: [JSONScalar]?, _ client: OpenSearchClient) async throws -> (
        lines: [UInt8], count: Int, last: [JSONScalar]?
    ) {
        let body = JSONWriter.object { json in
            json.field("size", size)
            json.key("sort")
            json.array { fields in for field in sort { fields.object { $0.field(field, "asc") } } }
            if let last {
                json.key("search_after")
                json.array { values in
                    for value in last {
                        switch value {
                        case .text(let text): values.string(text)
                        case .number(let number): values.integer(number)
                        }
                    }
                }
            }
            query(&json)
        }
        let response = try await client.send("POST", "/\(index)/_search", body: body)
        var (lines, count, place) = ([UInt8](), 0, [JSONScalar]())
        var scanner = JSONScanner(response.body)
        do {
            try scanner.object { scanner, key in
                guard key == "hits" else { return try scanner.skip() }
                try scanner.object { scanner, key in
                    guard key == "hits" else { return try scanner.skip() }
                    try scanner.array { scanner in
                        var (id, source) = ("", ArraySlice<UInt8>())
                        place = []
                        try scanner.object { scanner, key in
                            switch key {
                            case "_id": id = try scanner.string()
                            case "_source": source = try scanner.raw()
                            case "sort": place = try Self.scalars(try scanner.raw())
                            default: try scanner.skip()
                            }
                        }
                        var line = JSONWriter(capacity: source.count + 128)
                        line.object { json in
                            json.field("_id", id)
                            json.key("_source")
                            json.raw(source)
                        }
                        line.newline()
                        lines += line.bytes
                        count += 1
                    }
                }
            }
        } catch is JSONError {
            throw client.unexpected(response, of: .index)
        }
        return (lines, count, count < size ? nil : place)
    }

    private static func scalars(_ bytes: ArraySlice<UInt8>) throws -> [JSONScalar] {
        try JSONDecoder().decode([JSONScalar].self, from: Data(bytes))
    }
}
