import AsyncPrimitives
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// `ChunkIndex` over OpenSearch: bulks of many documents' chunks, routed by document.
package struct OpenSearchIndex: ChunkIndex {
    package let name: String
    let client: OpenSearchClient
    private let time: any TimeSource
    private let operations: RequestBatcher<BulkOperation, BulkResult>
    private static let page = 200

    /// - Parameters:
    ///   - name: the write alias of the physical index.
    ///   - bulkBytes: the most that one `_bulk` request carries; OpenSearch's documentation recommends 5 to 15 MB.
    package init(name: String, client: OpenSearchClient, time: any TimeSource, bulkBytes: Int = 8 << 20) {
        self.name = name
        self.client = client
        self.time = time
        let limits = RequestBatcher<BulkOperation, BulkResult>.Limits(
            count: 1000,
            weight: bulkBytes,
            linger: .milliseconds(10),
            concurrency: 2,
            outlastsCancellation: true
        )
        operations = RequestBatcher(limits, time: time, weigh: \.weight) { await client.bulk($0, of: .index) }
    }

    /// Must be running for writes to finish.
    package func run() async { await operations.run() }

    package func create(_ chunks: [IndexedChunk], _ header: ChunkMessage.Header) async throws {
        let now = time.now
        try await perform(
            chunks.map { chunk in
                BulkOperation(
                    .create(write: { chunk.write(into: &$0, header, at: now) }, bytes: chunk.estimatedBytes),
                    index: name,
                    id: chunk.id,
                    routing: chunk.documentID.description,
                    requiresAlias: true
                )
            }
        )
    }

    package func delete(_ document: DocumentID, generation: Int, count: Int) async throws {
        try await perform(
            (0..<count).map { index in
                BulkOperation(
                    .delete,
                    index: name,
                    id: IndexedChunk.id(document, generation, index),
                    routing: document.description
                )
            }
        )
    }

    /// Performs all; items that failed temporarily are retried, those that were accepted are not sent twice.
    private func perform(_ all: [BulkOperation]) async throws {
        let retrying = client.retrying
        var left = all
        try await retrying.run { _ in
            let results = try await operations.submit(contentsOf: left)
            var failed: [BulkOperation] = []
            var worst: (any Error)?
            for (operation, result) in zip(left, results) {
                guard case .failure(let error) = result else { continue }
                failed.append(operation)
                if worst == nil || !Failure(error).isRetryable { worst = error }
            }
            left = failed
            if let worst { throw worst }
        }
    }

    package func hashes(_ document: DocumentID, generation: Int, count: Int) async throws -> [Int: String] {
        var found: [Int: String] = [:]
        for start in stride(from: 0, to: count, by: Self.page * 5) {
            let indexes = Array(start..<min(count, start + Self.page * 5))
            try await read(document, generation, indexes, fields: "content_hash,chunk_index") { scanner in
                var hash = ""
                var index = -1
                try scanner.object { scanner, key in
                    switch key {
                    case "content_hash": hash = try scanner.string()
                    case "chunk_index": index = try scanner.integer()
                    default: try scanner.skip()
                    }
                }
                found[index] = hash
            }
        }
        return found
    }

    package func vectors(_ document: DocumentID, generation: Int, chunks: [Int]) async throws -> [Int: [Float]] {
        var found: [Int: [Float]] = [:]
        for start in stride(from: 0, to: chunks.count, by: Self.page) {
            let indexes = Array(chunks[start..<min(chunks.count, start + Self.page)])
            try await read(document, generation, indexes, fields: "vector,chunk_index") { scanner in
                var vector: [Float] = []
                var index = -1
                try scanner.object { scanner, key in
                    switch key {
                    case "vector": try scanner.floats(into: &vector)
                    case "chunk_index": index = try scanner.integer()
                    default: try scanner.skip()
                    }
                }
                if !vector.isEmpty { found[index] = vector }
            }
        }
        return found
    }

    /// A realtime `_mget`; `each` reads the source of every document that is there.
    private func read(
        _ document: DocumentID,
        _ generation: Int,
        _ indexes: [Int],
        fields: String,
        each: (inout JSONScanner) throws -> Void
    ) async throws {
        let body = JSONWriter.object { json in
            json.key("docs")
            json.array { docs in
                for index in indexes {
                    docs.object {
                        $0.field("_id", IndexedChunk.id(document, generation, index))
                        $0.field("routing", document.description)
                    }
                }
            }
        }
        let response = try await client.send(
            "POST",
            "/\(name)/_mget",
            query: [("_source_includes", fields)],
            body: body
        )
        var scanner = JSONScanner(response.body)
        do {
            try documents(&scanner, each)
        } catch is JSONError {
            throw client.unexpected(response, of: .index)
        }
    }

    private func documents(_ scanner: inout JSONScanner, _ each: (inout JSONScanner) throws -> Void) throws {
        try scanner.object { scanner, key in
            guard key == "docs" else { return try scanner.skip() }
            try scanner.array { scanner in
                var problem: (type: String, reason: String)?
                try scanner.object { scanner, key in
                    switch key {
                    case "_source": try each(&scanner)
                    case "error": problem = try Self.problem(&scanner)
                    default: try scanner.skip()
                    }
                }
                if let problem {
                    let text = "OpenSearch \(name): \(problem.type): \(problem.reason.prefix(200))"
                    throw ItemFailure.ofRead(type: problem.type, text, of: .index)
                }
            }
        }
    }

    private static func problem(_ scanner: inout JSONScanner) throws -> (type: String, reason: String) {
        var (type, reason) = ("", "")
        try scanner.object { scanner, key in
            switch key {
            case "type": type = try scanner.string()
            case "reason": reason = try scanner.string()
            default: try scanner.skip()
            }
        }
        return (type, reason)
    }

    /// Succeeds when chunks can be read and written. The write expects a version that no chunk has, so that it changes nothing; the node
    /// parses the vector and checks the mapping, the blocks of the index and the role before it finds the conflict.
    package func probe(dimensions: Int) async throws {
        let document = DocumentID("probe")
        _ = try await hashes(document, generation: 0, count: 1)
        let header = ChunkMessage.Header(
            tenant: "probe",
            object: ObjectReference(bucket: "probe", key: "probe"),
            documentID: document.description,
            index: name,
            fingerprint: "probe",
            generation: 0,
            content: .unknown,
            chunkCount: 1
        )
        var vector = [Float](repeating: 0, count: dimensions)
        vector[0] = 1
        let payload = ChunkPayload(probe: "probe")
        let chunk = IndexedChunk(documentID: document, generation: 0, chunk: payload, vector: vector)
        let operation = BulkOperation(
            .replace(source: chunk.source(header, at: time.now), sequence: 0, term: 1),
            index: name,
            id: chunk.id,
            routing: document.description,
            requiresAlias: true
        )
        _ = try await operations.submit(operation)
    }
}
