import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit

/// Documents and hand-overs. Unchecked: one thread.
final class SimulatedBucket: @unchecked Sendable {
    private(set) var objects: [String: [UInt8]] = [:]
    /// Every content that a document had, and from when; nil is none.
    private(set) var history: [String: [(from: Timestamp, etag: String?)]] = [:]

    func etag(ofDocument key: String) -> String? { objects["/docs/\(key)"].map(InMemoryObjectStore.etag) }

    /// The keys of all documents, ordered.
    var documents: [String] { objects.keys.filter { $0.hasPrefix("/docs/") }.map { String($0.dropFirst(6)) }.sorted() }

    func change(_ key: String, _ content: ObjectContent?, _ world: World) {
        let old = etag(ofDocument: key)
        objects["/docs/\(key)"] = content?.bytes
        if history[key] == nil { history[key] = [(World.start.advanced(by: .seconds(-1)), nil)] }
        let new = etag(ofDocument: key)
        if new != old { history[key]?.append((world.now, new)) }
        let paragraphs = content.map { "\($0.paragraphs.count) paragraphs, \($0.kind)" }
        world.note("bucket", paragraphs.map { "\(key) becomes \(new!.prefix(6)): \($0)" } ?? "\(key) is deleted", key)
    }

    /// What the document held at any time from `time` on.
    func contents(of key: String, since time: Timestamp) -> [Content] {
        let all = history[key] ?? [(World.start, nil)]
        let first = all.lastIndex { $0.from <= time } ?? 0
        return all[first...].map { $0.etag.map { .etag($0) } ?? .absent }
    }

    var handoffs: [String] { objects.keys.filter { $0.hasPrefix("/hand/") }.sorted() }

    func lose(_ path: String) { objects[path] = nil }

    func answer(_ request: HTTPRequest, _ process: SimulatedProcess, _ world: World) -> HTTPResponse {
        switch request.method {
        case "PUT":
            if request.path.hasSuffix(".check") { return HTTPResponse(status: 200) }
            objects[request.path] = request.body
            world.watcher(process.lane).handoffWritten(request.path, process)
            return HTTPResponse(status: 200)
        case "DELETE":
            if objects[request.path] != nil { world.watcher(process.lane).handoffDeleted(request.path) }
            objects[request.path] = nil
            return HTTPResponse(status: 204)
        default: return request.query.contains { $0.name == "list-type" } ? listed() : get(request, process, world)
        }
    }

    private func listed() -> HTTPResponse {
        let keys = objects.keys.filter { $0.hasPrefix("/docs/") }.sorted().map { $0.dropFirst(6) }
        let items = keys.map { "<Contents><Key>\($0)</Key><Size>1</Size></Contents>" }.joined()
        return HTTPResponse(status: 200, body: Array("<ListBucketResult>\(items)</ListBucketResult>".utf8))
    }

    private func get(_ request: HTTPRequest, _ process: SimulatedProcess, _ world: World) -> HTTPResponse {
        let isPayload = request.path.hasPrefix("/hand/")
        if isPayload, objects[request.path] != nil, world.strikes(.handoffLost) {
            world.note(
                process.name,
                "\(request.path) IS LOST",
                world.watcher(process.lane).document(ofHandoff: request.path)
            )
            objects[request.path] = nil
        }
        guard let bytes = objects[request.path] else {
            if !isPayload { world.note(process.name, "finds no object", String(request.path.dropFirst(6))) }
            return HTTPResponse(status: 404, body: Array("<Error><Code>NoSuchKey</Code></Error>".utf8))
        }
        let etag = InMemoryObjectStore.etag(bytes)
        if !isPayload { world.note(process.name, "reads \(etag.prefix(6))", String(request.path.dropFirst(6))) }
        let headers = HTTPHeaders([
            ("etag", "\"\(etag)\""), ("content-length", "\(bytes.count)"), ("content-type", "text/plain"),
        ])
        let known = request.headers.first { $0.name == "if-none-match" }?.value
        if known == "\"\(etag)\"" { return HTTPResponse(status: 304, headers: headers) }
        return HTTPResponse(status: 200, headers: headers, body: bytes)
    }
}
