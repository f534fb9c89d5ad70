import ExtractionWire
import Glibc
import HTTPTransport
import Resilience

/// `ObjectStore` over the S3 REST API.
package struct S3ObjectStore: ObjectStore, ObjectListing {
    private let client: AWSClient
    private let endpoints: AWSEndpoints
    private let temporaryFolder: String
    private let maximumBytes: Int
    /// Of buckets that are not in the worker's own region, as redirects named them.
    private let regions = BucketMemory<String>()
    /// The last object that could be read: a probe reads it again.
    private let readable = BucketMemory<ObjectReference>()

    /// - Parameters:
    ///   - temporaryFolder: the temporary directory for downloaded objects.
    ///   - maximumBytes: a larger object is a rejection, decided from its Content-Length.
    package init(client: AWSClient, endpoints: AWSEndpoints, temporaryFolder: String, maximumBytes: Int) {
        self.client = client
        self.endpoints = endpoints
        self.temporaryFolder = temporaryFolder
        self.maximumBytes = maximumBytes
    }

    package func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
        // One retry loop here: each attempt needs a fresh file.
        let outcome = try await client.retrying.run { _ in try await readOnce(object, unless: known) }
        if case .missing = outcome { return outcome }
        readable.remember(object, of: object.bucket)
        return outcome
    }

    private func readOnce(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
        let sink = DownloadSink(file: try TemporaryFile(folder: temporaryFolder), maximumBytes: maximumBytes)
        var call = S3Call("GET", "GetObject", object)
        call.sink = sink
        call.timeout = .seconds(300)
        call.headers = [("x-amz-checksum-mode", "ENABLED")]
        if let known { call.headers.append(("if-none-match", "\"\(known)\"")) }
        let response: HTTPResponse
        do {
            response = try await send(call, attempts: 1)
        } catch let error as HTTPError {
            throw explained(sink, object) ?? error
        } catch let error as AWSError {
            throw Self.ofObject(error, object) ?? error
        }
        if response.status == 304 { return .unchanged }
        if response.status == 404 { return .missing }
        if let problem = sink.verify() {
            throw Failure.transient("GetObject of \(object): \(problem)", of: .bucket(object.bucket))
        }
        var stored = StoredObject(
            file: sink.file,
            bytes: sink.received,
            etag: Self.unquoted(response.headers["etag"]),
            contentType: response.headers["content-type"] ?? "",
            contentEncoding: response.headers["content-encoding"] ?? "",
            lastModified: response.headers["last-modified"] ?? ""
        )
        stored.description = ObjectDescription(response.headers)
        return .object(stored)
    }

    package func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]? {
        var call = S3Call("GET", "GetObject", object)
        call.maximumBodyBytes = maximum
        let response = try await send(call)
        return response.status == 404 ? nil : response.body
    }

    package func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws {
        var call = S3Call("PUT", "PutObject", object)
        call.body = bytes
        call.headers = [("content-type", "application/octet-stream")]
        _ = try await send(call)
    }

    package func delete(_ object: ObjectReference) async throws {
        _ = try await send(S3Call("DELETE", "DeleteObject", object))
    }

    package func page(bucket: String, prefix: String, after start: String?, limit: Int) async throws -> ObjectPage {
        var call = S3Call("GET", "ListObjectsV2", ObjectReference(bucket: bucket, key: prefix))
        call.isOfBucket = true
        // Names are requested encoded: XML cannot carry every character of a key.
        call.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix), ("max-keys", String(limit))]
        if let start { call.query.append(("start-after", start)) }
        let response = try await send(call)
        guard let page = ObjectPage(listing: response.body) else {
            let text =
                "ListObjectsV2 of s3://\(bucket)/\(prefix): unexpected response (\(ForeignResponse.describe(response)))"
            throw Failure.transient(text, of: .bucket(bucket))
        }
        return page
    }

    /// Where the bucket sends its events (S3 API, GetBucketNotificationConfiguration).
    package func notifications(of bucket: String) async throws -> BucketNotifications {
        var call = S3Call("GET", "GetBucketNotificationConfiguration", ObjectReference(bucket: bucket, key: ""))
        call.isOfBucket = true
        call.query = [("notification", "")]
        guard let parsed = XMLElement(parsing: try await send(call).body) else {
            throw Failure.transient("the notifications of s3://\(bucket): unexpected response", of: .bucket(bucket))
        }
        return BucketNotifications(parsed)
    }

    /// Succeeds when the bucket can be listed and its objects can be read. `object`, which was refused, is no evidence: others are looked at.
    package func probe(bucket: String, avoiding object: ObjectReference?) async throws {
        let folder = object.map(\.folder) ?? ""
        let page = try await page(bucket: bucket, prefix: folder, after: nil, limit: 10)
        var candidates = page.entries.filter { !($0.bytes == 0 && $0.key.utf8.last == 0x2F) }
            .map { ObjectReference(bucket: bucket, key: $0.key) }
        if let known = readable.value(of: bucket) { candidates.insert(known, at: 0) }
        candidates.removeAll { $0 == object }
        var refusals: [any Error] = []
        for candidate in candidates.prefix(3) {
            do {
                try await touch(candidate)
                return
            } catch {
                refusals.append(error)
            }
        }
        if refusals.count > 1, let last = refusals.last { throw last }
        // The only other object may be refused for a reason of its own: a key that does not exist shows what the role may do.
        _ = try await readBytes(ObjectReference(bucket: bucket, key: folder + ".ingest-fleet-probe"), maximum: 1 << 20)
    }

    /// Succeeds when the object can be read, or is gone: its first byte is requested. Not HEAD, whose responses have no error code.
    private func touch(_ object: ObjectReference) async throws {
        do {
            _ = try await send(Self.head(object))
        } catch let error as AWSError where error.code == "InvalidRange" {
            // An empty object.
        } catch let error as HTTPError where error.kind == .bodyTooLarge {
            // A server that knows no ranges sends all of it.
        }
    }

    private static func head(_ object: ObjectReference) -> S3Call {
        var call = S3Call("GET", "GetObject", object)
        call.headers = [("range", "bytes=0-0")]
        call.maximumBodyBytes = 64 << 10
        return call
    }

    /// Sends a call, to the bucket's own region where a response names another one (S3 user guide, "request redirection").
    private func send(_ call: S3Call, attempts: Int? = nil) async throws -> HTTPResponse {
        var client = client
        if let attempts { client.retrying.policy.maximumAttempts = attempts }
        let bucket = call.object.bucket
        var hops = 0
        while true {
            client.signed.signer.region = regions.value(of: bucket) ?? self.client.region
            let request = call.request(endpoints, region: client.region)
            do {
                let response = try await client.send(request, of: .bucket(bucket)) { try call.check($0, $1) }
                try call.verify(response)
                return response
            } catch let error as RegionRedirect {
                guard hops < 2, error.region != client.region else { throw error.error }
                regions.remember(error.region, of: bucket)
                hops += 1
            }
        }
    }

    private func explained(_ sink: DownloadSink, _ object: ObjectReference) -> (any Error)? {
        switch sink.refusal {
        case .tooLarge(let bytes):
            let detail = "the object has \(bytes) bytes or more, the limit is \(maximumBytes) (OBJECT_MAX_BYTES)"
            return RefusedObject(Rejection(.tooLarge, detail), etag: sink.etag.map(Self.unquoted))
        case .disk(let code):
            let text = "\(object) cannot be stored in \(temporaryFolder): \(String(cString: strerror(code))) (TMPDIR)"
            return Failure.fleet(text, of: .host)
        case nil: return nil
        }
    }

    /// What S3 refuses of this object: its encryption, its storage class, its policy, a legal block. That the bucket itself is the reason is
    /// found by its probe. A bucket that is not there may come from one stray event.
    private static func ofObject(_ error: AWSError, _ object: ObjectReference) -> (any Error)? {
        if error.code == "NoSuchBucket" { return Failure.transient(error.description) }
        guard (400..<500).contains(error.status), error.signatureRejection == nil, error.status != 404 else {
            return nil
        }
        guard case .fleet = error.failure else { return nil }
        // A refusal without S3's code is a proxy's, and may be gone with the next try. A legal block is meant for the object.
        guard !error.code.isEmpty || error.status == 451 else { return nil }
        if error.code == "InvalidObjectState" {
            let detail = "\(object) is archived: restore it, then it is indexed by the event of the restore"
            return RefusedObject(Rejection(.archived, detail))
        }
        let reason =
            switch error.code {
            case "AccessDenied":
                "the role can list but not read \(object): see the policies of its prefix and of its KMS key"
            case let code where code.hasPrefix("KMS."):
                "\(object) is encrypted with a KMS key that cannot be used (\(code)): enable the key, or encrypt the object with another one"
            case "InvalidRequest" where error.message.contains("encrypt"):
                "\(object) is encrypted with a key of its uploader (SSE-C), which no one else has: upload it with SSE-S3 or SSE-KMS"
            default: "S3 does not return \(object): \(error.description)"
            }
        return RefusedObject(Rejection(.forbidden, reason))
    }

    private static func unquoted(_ etag: String?) -> String { (etag ?? "").filter { $0 != "\"" } }
}

extension S3ObjectStore: ObjectDescriptions {
    package func describe(_ object: ObjectReference) async throws -> ObjectDescription? {
        do {
            let response = try await send(Self.head(object))
            return response.status == 404 ? nil : ObjectDescription(response.headers)
        } catch let error as AWSError where error.code == "InvalidRange" {
            // An empty object has no first byte.
            return ObjectDescription()
        }
    }

    package func tags(_ object: ObjectReference) async throws -> XMLElement? {
        var call = S3Call("GET", "GetObjectTagging", object)
        call.query = [("tagging", "")]
        let response = try await send(call)
        if response.status == 404 { return nil }
        guard let tags = XMLElement(parsing: response.body), tags.name == "Tagging" else {
            let text = "GetObjectTagging of \(object): unexpected response (\(ForeignResponse.describe(response)))"
            throw Failure.transient(text, of: .bucket(object.bucket))
        }
        return tags
    }
}

extension ObjectDescription {
    private static let prefix = "x-amz-meta-"

    fileprivate init(_ headers: HTTPHeaders) {
        self.init()
        for (name, value) in headers.all where name.hasPrefix(Self.prefix) {
            userMetadata[String(name.dropFirst(Self.prefix.count))] = EncodedWords.decoded(value)
        }
        tagCount = headers["x-amz-tagging-count"].flatMap { Int($0) }.map { max(0, $0) } ?? 0
    }
}
