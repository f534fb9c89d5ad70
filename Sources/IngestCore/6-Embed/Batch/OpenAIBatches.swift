import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// OpenAI's batch API: requests in a file, results in another within 24 hours, at half the price (API reference, "Batch" and "Files").
package struct OpenAIBatches: Sendable {
    package struct Batch: Sendable {
        package enum State: Sendable {
            case running
            /// It has ended; what there is of its results is in its files.
            case ended
        }
        package var id: String
        package var state: State
        /// As the provider calls it: for logs.
        package var status: String
        package var outputFile: String?
    }

    /// Of the price of a request that is answered at once.
    package static let priceShare = 0.5
    /// A batch holds at most 50,000 texts and 200 MB; fewer, so that its results, which are larger, fit into memory.
    package static let maximumInputs = 50_000
    package static let maximumBytes = 32 << 20

    private let settings: OpenAIEmbedder.Settings
    private let http: any HTTPClient
    private let retrying: Retrying
    /// Servers that know no base64 answer with numbers of some 12 characters.
    private static let mostResults = 160 << 20
    private static let longest = Duration.seconds(600)

    package init(_ settings: OpenAIEmbedder.Settings, http: any HTTPClient, retrying: Retrying) {
        self.settings = settings
        self.http = http
        self.retrying = retrying
    }

    /// Uploads the requests, a line each; the file's name.
    func upload(_ lines: [UInt8], name: String) async throws -> String {
        // No line of JSON begins with it.
        let boundary = "ingest-fleet-\(name)"
        var body = Array(
            """
            --\(boundary)\r
            Content-Disposition: form-data; name="purpose"\r
            \r
            batch\r
            --\(boundary)\r
            Content-Disposition: form-data; name="file"; filename="\(name).jsonl"\r
            Content-Type: application/jsonl\r
            \r

            """.utf8
        )
        body += lines
        body += Array("\r\n--\(boundary)--\r\n".utf8)
        let response = try await send("POST", "/files", body, type: "multipart/form-data; boundary=\(boundary)")
        return try decode(Named.self, response).id
    }

    func create(inputFile: String, name: String) async throws -> Batch {
        let body = JSONWriter.object { json in
            json.field("input_file_id", inputFile)
            json.field("endpoint", "/v1/embeddings")
            json.field("completion_window", "24h")
            json.object("metadata") { $0.field(Self.nameField, name) }
        }
        return try decode(Described.self, try await send("POST", "/batches", body)).batch
    }

    /// One that was created with this name by a worker that did not live to write that down; among the last 100.
    func find(name: String) async throws -> Batch? {
        let response = try await send("GET", "/batches", query: [("limit", "100")])
        return try decode(List.self, response).data.first { $0.metadata?[Self.nameField] == name }?.batch
    }

    func batch(_ id: String) async throws -> Batch {
        try decode(Described.self, try await send("GET", "/batches/\(PercentEncoding.encode(id))")).batch
    }

    func content(ofFile id: String) async throws -> [UInt8] {
        try await send("GET", "/files/\(PercentEncoding.encode(id))/content").body
    }

    func delete(file id: String) async { _ = try? await send("DELETE", "/files/\(PercentEncoding.encode(id))") }

    private static let nameField = "ingest_fleet_batch"

    private struct Named: Decodable { var id: String }
    private struct List: Decodable { var data: [Described] }
    private struct Described: Decodable {
        var id: String
        var status: String
        var output_file_id: String?
        var metadata: [String: String]?

        var batch: Batch {
            let hasEnded = ["completed", "expired", "cancelled", "failed"].contains(status)
            return Batch(id: id, state: hasEnded ? .ended : .running, status: status, outputFile: output_file_id)
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ response: HTTPResponse) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch {
            throw Failure.transient("the provider's batch API sent what is no such response", of: .provider)
        }
    }

    private func send(
        _ method: String,
        _ path: String,
        _ body: [UInt8] = [],
        query: [(String, String)] = [],
        type: String = "application/json"
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(method, settings.endpoint, path: settings.endpoint.basePath + path, body: body)
        request.query = query
        request.headers = [settings.authorization].compactMap(\.self)
        if !body.isEmpty { request.headers.append(("content-type", type)) }
        request.timeout = Self.longest
        request.maximumBodyBytes = Self.mostResults
        let prepared = request
        return try await retrying.run { _ in
            let response = try await http.execute(prepared)
            guard response.isSuccess else { throw EmbeddingError(response, inputs: []) }
            return response
        }
    }
}
