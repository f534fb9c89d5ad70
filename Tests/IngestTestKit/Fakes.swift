import AsyncPrimitives
import ExtractionWire
import Glibc
import HTTPTransport
import IngestCore
import Observability

/// Vectors that follow from the text alone; counts what would have been paid for.
package final class HashEmbedder: Embedder {
    private let texts = LockedValue([String]())
    private let failures = LockedValue([any Error]())

    package init() {}

    package var embedded: [String] { texts.withLock { $0 } }
    package func failNext(_ error: any Error) { failures.withLock { $0.append(error) } }

    package func embed(_ inputs: [EmbeddingInput]) async -> [Result<Embedding, any Error>] {
        if let failure = failures.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            return inputs.map { _ in .failure(failure) }
        }
        texts.withLock { $0 += inputs.map(\.text) }
        return inputs.map { input in
            let vector = Digest.sha256(input.text).prefix(4).map { Float($0) + 1 }
            return .success(Embedding(vector: vector, tokens: input.tokens))
        }
    }
}

/// Takes an object's bytes for its text, a paragraph between empty lines; text that begins with "!" is malformed.
package struct ParagraphExtractor: Extractor {
    package init() {}

    package func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws
        -> ExtractedDocument
    {
        var bytes = [UInt8](repeating: 0, count: object.bytes)
        let count = pread(object.file.descriptor, &bytes, bytes.count, 0)
        bytes.removeLast(bytes.count - max(0, count))
        if bytes.first == 0x21 { throw Rejection(.malformed, "the text begins with an exclamation mark") }
        var blocks: [Block] = []
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, !bytes[end...].starts(with: [0x0A, 0x0A]) { end += 1 }
            if end > start { blocks.append(Block(kind: .paragraph, start: start, end: end)) }
            start = end + 2
        }
        return ExtractedDocument(format: .text, text: bytes, blocks: blocks)
    }
}

/// Answers requests from a script and remembers them.
package final class ScriptedHTTPClient: HTTPClient {
    private let respond: @Sendable (HTTPRequest, Int) throws -> HTTPResponse
    private let seen = LockedValue([HTTPRequest]())

    /// - Parameter respond: gets the request and its number, from 1.
    package init(_ respond: @escaping @Sendable (HTTPRequest, Int) throws -> HTTPResponse) { self.respond = respond }

    package var requests: [HTTPRequest] { seen.withLock { $0 } }

    package func execute(_ request: HTTPRequest) async throws -> HTTPResponse {
        let number = seen.withLock { seen in
            seen.append(request)
            return seen.count
        }
        return try respond(request, number)
    }
}

/// Keeps lines.
package final class CollectingLog: LogSink {
    private let collected = LockedValue([LogLine]())

    package init() {}

    package var lines: [LogLine] { collected.withLock { $0 } }
    package func write(_ line: LogLine) { collected.withLock { $0.append(line) } }
}

extension LoopEnvironment {
    /// For tests: a given clock, no jitter, lines kept.
    ///
    /// - Parameter probe: what the fleet's own probes find.
    package static func test(
        time: any TimeSource,
        sink: any LogSink = CollectingLog(),
        probe: @escaping CircuitBreakers.Probe = { _, _ in }
    ) -> LoopEnvironment {
        let log = Log(label: "test", level: .debug, sink: sink, time: time)
        let random = RandomSource { .max / 2 }
        return LoopEnvironment(
            time: time,
            random: random,
            log: log,
            metrics: Metrics(),
            heartbeat: Heartbeat(time.uptime),
            breakers: CircuitBreakers(time: time, random: random, log: log, probe: probe)
        )
    }
}
