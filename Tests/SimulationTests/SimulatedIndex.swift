import FoundationEssentials
import HTTPTransport
import IngestCore
import TextCoding

/// As much of OpenSearch as the workers speak to: `_bulk` and `_mget` of chunks and ledger. Unchecked: one thread.
final class SimulatedIndex: @unchecked Sendable {
    struct StoredChunk: Decodable {
        var document_id: String
        var generation: Int
        var chunk_index: Int
        var key: String
        var text: String
        var vector: [Float]
    }

    /// By index and id.
    private(set) var chunks: [String: (source: [UInt8], chunk: StoredChunk)] = [:]
    private(set) var records: [String: (source: [UInt8], record: DocumentRecord, sequence: Int)] = [:]
    private var sequence = 0

    func record(of key: String, _ lane: Lane) -> DocumentRecord? {
        records.values.first { $0.record.key == key && $0.record.index == lane.names.chunks }?.record
    }

    func hasChunk(_ id: String, _ lane: Lane) -> Bool { chunks[Self.place(lane.names.chunks, id)] != nil }

    func chunks(of lane: Lane) -> [StoredChunk] {
        chunks.filter { $0.key.hasPrefix(lane.names.chunks) }.map(\.value.chunk)
    }

    /// The index of a retired pipeline, and its records.
    func drop(_ lane: Lane) {
        chunks = chunks.filter { !$0.key.hasPrefix(lane.names.chunks) }
        records = records.filter { $0.value.record.index != lane.names.chunks }
    }

    private static func place(_ index: String, _ id: String) -> String {
        let name = index.hasSuffix("-write") ? String(index.dropLast(6)) : index
        return "\(name)/\(id)"
    }

    func answer(_ request: HTTPRequest, _ process: SimulatedProcess, _ world: World) -> HTTPResponse {
        let body =
            request.path == "/_bulk"
            ? bulk(request.body, process, world) : request.path.hasSuffix("/_search") ? tenants(request) : get(request)
        return HTTPResponse(status: 200, body: body)
    }

    private struct Search: Decodable {
        struct Query: Decodable { var bool: Bool }
        struct Bool: Decodable { var filter: [Filter] }
        struct Filter: Decodable { var term: [String: String] }
        var query: Query
    }

    /// The tenants of the records with these values.
    private func tenants(_ request: HTTPRequest) -> [UInt8] {
        let search = try! JSONDecoder().decode(Search.self, from: Data(request.body))
        let terms = search.query.bool.filter.reduce(into: [String: String]()) { $0.merge($1.term) { $1 } }
        let found = records.values.map(\.record).filter {
            $0.key == terms["key"] && $0.bucket == terms["bucket"] && $0.index == terms["index"]
        }
        return JSONWriter.object { json in
            json.object("hits") { hits in
                hits.key("hits")
                hits.array { items in
                    for record in found {
                        items.object { item in item.object("_source") { $0.field("tenant", record.tenant) } }
                    }
                }
            }
        }
    }

    private struct Target: Decodable {
        var _index: String
        var _id: String
        var if_seq_no: Int?
    }

    private struct Line: Decodable {
        var create: Target?
        var index: Target?
        var delete: Target?
    }

    private func bulk(_ body: [UInt8], _ process: SimulatedProcess, _ world: World) -> [UInt8] {
        let lines = body.split(separator: 0x0A)
        var place = 0
        var outcomes: [(String, status: Int, error: String)] = []
        while place < lines.count {
            let line = try! JSONDecoder().decode(Line.self, from: Data(lines[place]))
            place += 1
            if let target = line.delete {
                let status = world.strikes(.itemFailed) ? 503 : remove(target, process, world)
                outcomes.append(("delete", status, ""))
                continue
            }
            let source = Array(lines[place])
            place += 1
            let target = line.create ?? line.index!
            let isCreate = line.create != nil
            let (status, error) =
                world.strikes(.itemFailed)
                ? (429, "es_rejected_execution_exception") : store(target, source, isCreate, process, world)
            outcomes.append((isCreate ? "create" : "index", status, error))
        }
        return JSONWriter.object { json in
            json.key("items")
            json.array { items in
                for outcome in outcomes {
                    items.object { item in
                        item.object(outcome.0) { result in
                            result.field("status", outcome.status)
                            result.field("_seq_no", sequence)
                            result.field("_primary_term", 1)
                            if !outcome.error.isEmpty { result.object("error") { $0.field("type", outcome.error) } }
                        }
                    }
                }
            }
        }
    }

    private func store(
        _ target: Target,
        _ source: [UInt8],
        _ isCreate: Bool,
        _ process: SimulatedProcess,
        _ world: World
    ) -> (Int, String) {
        if target._index.hasSuffix("-ledger") {
            let current = records[target._id]
            let isTaken = isCreate ? current != nil : target.if_seq_no.map { $0 != current?.sequence } ?? false
            if isTaken { return (409, "version_conflict_engine_exception") }
            let record = try! JSONDecoder().decode(DocumentRecord.self, from: Data(source))
            sequence += 1
            records[target._id] = (source, record, sequence)
            world.note(process.name, "ledger: \(Self.summary(record))", record.key)
            if let lane = Lane(index: record.index) {
                world.watcher(lane).recordWritten(record, after: current?.record)
            }
            return (201, "")
        }
        // No chunk is ever replaced: what expects a version is a probe.
        if target.if_seq_no != nil { return (409, "version_conflict_engine_exception") }
        let chunk = try! JSONDecoder().decode(StoredChunk.self, from: Data(source))
        if chunk.text.contains(ObjectContent.refusedMark) { return (400, "mapper_parsing_exception") }
        let place = Self.place(target._index, target._id)
        if chunks[place] != nil { return (409, "version_conflict_engine_exception") }
        chunks[place] = (source, chunk)
        world.note(process.name, "creates chunk \(chunk.generation):\(chunk.chunk_index)", chunk.key)
        return (201, "")
    }

    private func remove(_ target: Target, _ process: SimulatedProcess, _ world: World) -> Int {
        guard let gone = chunks.removeValue(forKey: Self.place(target._index, target._id)) else { return 404 }
        world.note(process.name, "deletes chunk \(gone.chunk.generation):\(gone.chunk.chunk_index)", gone.chunk.key)
        if let lane = Lane(index: target._index) { world.watcher(lane).chunkRemoved(gone.chunk) }
        return 200
    }

    private struct Question: Decodable {
        struct Document: Decodable { var _id: String }
        var ids: [String]?
        var docs: [Document]?
    }

    private func get(_ request: HTTPRequest) -> [UInt8] {
        let question = try! JSONDecoder().decode(Question.self, from: Data(request.body))
        let index = request.path.split(separator: "/").first.map(String.init) ?? ""
        return JSONWriter.object { json in
            json.key("docs")
            json.array { docs in
                for id in question.ids ?? question.docs!.map(\._id) {
                    let record = records[id]
                    let source = record?.source ?? chunks[Self.place(index, id)]?.source
                    docs.object { document in
                        document.field("_id", id)
                        document.field("found", source != nil)
                        guard let source else { return }
                        document.field("_seq_no", record?.sequence ?? 0)
                        document.field("_primary_term", 1)
                        document.key("_source")
                        document.raw(source)
                    }
                }
            }
        }
    }

    static func summary(_ record: DocumentRecord) -> String {
        let pending = record.pending.map { "\($0.generation)\($0.handedOff ? " handed off" : "")" } ?? "none"
        let rejected = record.rejected.map { "\($0.generation) \($0.reason)" }.joined(separator: ", ")
        let retired = record.retired.map { "\($0.generation)" }.joined(separator: ", ")
        return
            "newest \(record.newest), live \(record.live?.generation ?? 0), pending \(pending), retired [\(retired)], rejected [\(rejected)]"
    }
}

/// The embeddings API: a vector that follows from the text. Unchecked: one thread.
final class SimulatedProvider: @unchecked Sendable {
    /// By pipeline and text.
    private var paid: [Lane: [String: Int]] = [:]

    private struct Question: Decodable { var input: [String] }

    static func texts(of request: HTTPRequest) -> [String] {
        try! JSONDecoder().decode(Question.self, from: Data(request.body)).input
    }

    static func vector(_ text: String) -> [Float] {
        Digest.sha256(text).prefix(4).map { Float($0) + 1 }
    }

    func answer(_ request: HTTPRequest, _ process: SimulatedProcess, _ world: World) -> HTTPResponse {
        let texts = Self.texts(of: request)
        if texts.contains(where: { $0.contains(ObjectContent.unembeddableMark) }) {
            let body =
                #"{"object":"error","message":"This text cannot be embedded.","type":"BadRequestError","code":400}"#
            return HTTPResponse(status: 400, body: Array(body.utf8))
        }
        for text in texts where !["probe", "lighthouse"].contains(text) {
            paid[process.lane, default: [:]][text, default: 0] += 1
            world.note(process.name, "pays for \"\(text.prefix(40))\"", String(text.prefix { $0 != " " }))
            world.watcher(process.lane).paid(text, paid[process.lane]![text]!)
        }
        let flaw = world.strikes(.unusable) ? world.faults.draw(0...4) : -1
        if flaw >= 0 {
            process.metFault = true
            world.note(process.name, "gets an unusable answer of kind \(flaw)", "")
            // What was computed is lost, as with an answer that is.
            world.watcher(process.lane).answerLost(request)
        }
        if flaw == 0 { return HTTPResponse(status: 200, body: Array(#"{"error":{"message":"overloaded"}}"#.utf8)) }
        if flaw == 1 { return HTTPResponse(status: 200) }
        let body = JSONWriter.object { json in
            json.key("data")
            json.array { data in
                for (index, text) in texts.enumerated() {
                    // One item is missing.
                    if flaw == 2, index == texts.count - 1 { continue }
                    data.object { item in
                        if flaw != 3 { item.field("index", index) }
                        item.key("embedding")
                        // A zero vector.
                        if flaw == 4, index == 0 {
                            return item.array { numbers in for _ in 0..<4 { numbers.number(0) } }
                        }
                        item.array { numbers in for value in Self.vector(text) { numbers.number(Double(value)) } }
                    }
                }
            }
        }
        return HTTPResponse(status: 200, body: body)
    }
}
