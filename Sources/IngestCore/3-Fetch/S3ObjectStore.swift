import ExtractionWire
import Glibc

/// `ObjectStore` over the S3 REST API.
package struct S3ObjectStore: ObjectStore {
    private let client: AWSClient
    private let endpoints: AWSEndpoints
    private let scratch: String
    private let maximumBytes: Int

    /// - Parameters:
    ///   - scratch: the folder for objects on their way.
    ///   - maximumBytes: a larger object is a rejection, decided from its Content-Length.
    package init(client: AWSClient, endpoints: AWSEndpoints, scratch: String, maximumBytes: Int) {
        self.client = client
        self.endpoints = endpoints
        self.scratch = scratch
        self.maximumBytes = maximumBytes
    }

    package func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
        // One retry loop here: each attempt needs a fresh file.
        try await client.retrying.run { _ in
            let sink = DownloadSink(file: try TemporaryFile(folder: scratch), maximumBytes: maximumBytes)
            var request = request("GET", object)
            request.sink = sink
            request.timeout = .seconds(300)
            request.headers.append(("x-amz-checksum-mode", "ENABLED"))
            if let known { request.headers.append(("if-none-match", "\"\(known)\"")) }
            let response: HTTPResponse
            do {
                response = try await single(request, "GetObject", object, accepting: [304, 404])
            } catch let error as HTTPError {
                throw explained(sink, object) ?? error
            } catch let error as AWSError {
                throw await ofOneObject(error, object) ?? error
            }
            if response.status == 304 { return .unchanged }
            if response.status == 404 { return .missing }
            if let problem = sink.verify() { throw Failure.transient("GetObject of \(object): \(problem)") }
            return .object(
                StoredObject(
                    file: sink.file,
                    bytes: sink.received,
                    etag: Self.unquoted(response.headers["etag"]),
                    contentType: response.headers["content-type"] ?? "",
                    lastModified: response.headers["last-modified"] ?? ""
                )
            )
        }
    }

    package func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]? {
        var request = request("GET", object)
        request.maximumBodyBytes = maximum
        let response = try await send(request, "GetObject", object, accepting: [404])
        return response.status == 404 ? nil : response.body
    }

    package func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws {
        var request = request("PUT", object)
        request.body = bytes
        request.headers.append(("content-type", "application/octet-stream"))
        _ = try await send(request, "PutObject", object)
    }

    package func delete(_ object: ObjectReference) async throws {
        _ = try await send(request("DELETE", object), "DeleteObject", object, accepting: [404])
    }

    package func list(bucket: String, prefix: String, after token: String?) async throws -> ObjectPage {
        let (endpoint, path) = endpoints.bucket(bucket, region: client.region)
        // Names are asked for encoded: XML cannot carry every character of a key.
        var query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
        if let token { query.append(("continuation-token", token)) }
        let request = HTTPRequest("GET", endpoint, path: path.isEmpty ? "/" : path, query: query)
        let response = try await send(request, "ListObjectsV2", ObjectReference(bucket: bucket, key: prefix))
        guard let answer = XMLElement(parsing: response.body), answer.name == "ListBucketResult" else {
            throw Failure.transient("ListObjectsV2 of s3://\(bucket)/\(prefix): the answer is not a listing")
        }
        let entries = try answer.all("Contents").map { item in
            guard let key = PercentEncoding.decodeForm(item.first("Key")?.text ?? "") else {
                throw Failure.transient("ListObjectsV2 of s3://\(bucket)/\(prefix): a key is not UTF-8")
            }
            return ObjectPage.Entry(
                key: key,
                bytes: Int(item.first("Size")?.text ?? "") ?? 0,
                etag: Self.unquoted(item.first("ETag")?.text)
            )
        }
        let isTruncated = answer.first("IsTruncated")?.text == "true"
        return ObjectPage(entries: entries, next: isTruncated ? answer.first("NextContinuationToken")?.text : nil)
    }

    private func request(_ method: String, _ object: ObjectReference) -> HTTPRequest {
        let (endpoint, prefix) = endpoints.bucket(object.bucket, region: client.region)
        return HTTPRequest(
            method,
            endpoint,
            path: prefix + "/" + PercentEncoding.encode(object.key, keepingSlashes: true)
        )
    }

    private func send(
        _ request: HTTPRequest,
        _ operation: String,
        _ object: ObjectReference,
        accepting statuses: Set<Int> = []
    ) async throws -> HTTPResponse {
        try await client.send(request) { try check($0, $1, operation, object, statuses) }
    }

    private func single(
        _ request: HTTPRequest,
        _ operation: String,
        _ object: ObjectReference,
        accepting statuses: Set<Int>
    ) async throws -> HTTPResponse {
        var once = client
        once.retrying.policy.maximumAttempts = 1
        return try await once.send(request) { try check($0, $1, operation, object, statuses) }
    }

    private func check(
        _ response: HTTPResponse,
        _ complaint: SignatureComplaint?,
        _ operation: String,
        _ object: ObjectReference,
        _ accepted: Set<Int>
    ) throws {
        let error = XMLElement(parsing: response.body)
        let code = error?.first("Code")?.text ?? ""
        // A 404 is a missing key; a missing bucket is somebody's mistake, not a deletion.
        if accepted.contains(response.status), code != "NoSuchBucket" { return }
        if code == "InvalidObjectState" {
            throw RefusedObject(
                Rejection(
                    .archived,
                    "\(object) is archived: restore it, then it is indexed by the event of the restore"
                )
            )
        }
        let message = error?.first("Message")?.text ?? ""
        throw AWSError(
            service: "S3",
            operation: operation,
            resource: object.description,
            status: response.status,
            code: code.isEmpty && response.status == 403 ? "AccessDenied" : code,
            message: message,
            retryAfter: AWSClient.retryAfter(response.headers),
            complaint: complaint
        )
    }

    private func explained(_ sink: DownloadSink, _ object: ObjectReference) -> (any Error)? {
        switch sink.refusal {
        case .tooLarge(let bytes):
            let detail = "the object has \(bytes) bytes or more, the limit is \(maximumBytes) (OBJECT_MAX_BYTES)"
            return RefusedObject(Rejection(.tooLarge, detail), etag: sink.etag.map(Self.unquoted))
        case .disk(let code):
            return Failure.fleet(
                "\(object) cannot be stored in \(scratch): \(String(cString: strerror(code))) (TMPDIR)"
            )
        case nil: return nil
        }
    }

    /// A refusal that is about this object alone must not hold up the others. A bucket that is not there may come from one stray event:
    /// its message is tried again and ends in the dead-letter queue. A refusal of an object whose bucket can be listed is the object's.
    private func ofOneObject(_ error: AWSError, _ object: ObjectReference) async -> (any Error)? {
        if error.code == "NoSuchBucket" { return Failure.transient(error.description) }
        guard error.code == "AccessDenied",
            let page = try? await list(bucket: object.bucket, prefix: object.key, after: nil),
            page.entries.contains(where: { $0.key == object.key })
        else { return nil }
        let detail = "the role may list \(object) and not read it: see the policies of its prefix and of its KMS key"
        return RefusedObject(Rejection(.forbidden, detail))
    }

    private static func unquoted(_ etag: String?) -> String { (etag ?? "").filter { $0 != "\"" } }
}
