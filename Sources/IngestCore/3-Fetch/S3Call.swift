import AsyncPrimitives
import HTTPTransport
import Resilience

/// One call to S3: the request that it is in a region, and what its responses mean.
struct S3Call {
    var method: String
    var operation: String
    var object: ObjectReference
    /// The call is about the bucket; the key only names the prefix.
    var isOfBucket = false
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var sink: (any BodySink)?
    var timeout = Duration.seconds(30)
    var maximumBodyBytes = 64 << 20

    init(_ method: String, _ operation: String, _ object: ObjectReference) {
        self.method = method
        self.operation = operation
        self.object = object
    }

    func request(_ endpoints: AWSEndpoints, region: String) -> HTTPRequest {
        let (endpoint, prefix) = endpoints.bucket(object.bucket, region: region)
        let path =
            isOfBucket
            ? (prefix.isEmpty ? "/" : prefix) : prefix + "/" + PercentEncoding.encode(object.key, keepingSlashes: true)
        var request = HTTPRequest(method, endpoint, path: path, query: query, headers: headers, body: body)
        request.sink = sink
        request.timeout = timeout
        request.maximumBodyBytes = maximumBodyBytes
        return request
    }

    /// Throws for a response other than 2xx. Returns where that is a result: not modified, no such key.
    func check(_ response: HTTPResponse, _ signatureRejection: SignatureRejection?) throws {
        // Well-formed HTML is a proxy's.
        let body = XMLElement(parsing: response.body).flatMap { $0.name == "Error" ? $0 : nil }
        let code = body?.first("Code")?.text ?? ""
        if response.status == 304, headers.contains(where: { $0.name == "if-none-match" }) { return }
        if response.status == 404, !isOfBucket, isAbsent(response, code) { return }
        let dependency = Dependency.bucket(object.bucket)
        if response.status == 404, code.isEmpty {
            // A 404 without S3's code says nothing of the key: an ingress without its backend returns one.
            let text =
                "S3 \(operation) of \(object): status 404 without NoSuchKey (\(ForeignResponse.describe(response)))"
            throw Failure.transient(text, of: dependency)
        }
        var message = body?.first("Message")?.text ?? ""
        if message.isEmpty, body == nil { message = ForeignResponse.describe(response) }
        let error = AWSError(
            service: "S3",
            operation: operation,
            resource: object.description,
            dependency: dependency,
            status: response.status,
            code: code.isEmpty && response.status == 403 && body != nil ? "AccessDenied" : code,
            message: message,
            retryAfter: response.headers.retryAfter,
            signatureRejection: signatureRejection
        )
        if let region = otherRegion(response, body) { throw RegionRedirect(region: region, error: error) }
        throw error
    }

    /// Throws where a success is not S3's: a maintenance page with status 200 must neither become a document nor count as a write.
    func verify(_ response: HTTPResponse) throws(Failure) {
        guard response.status != 404, response.status != 304 else { return }
        let hasMark = ["etag", "last-modified", "x-amz-request-id"].contains { response.headers[$0] != nil }
        let isPage = response.headers["content-type"]?.hasPrefix("text/html") == true && !response.body.isEmpty
        let isForeign = method == "GET" && !isOfBucket ? !hasMark : isPage && !hasMark
        guard isForeign else { return }
        let what = ForeignResponse.describe(response)
        let text =
            "S3 \(operation) of \(object): the response has none of S3's headers (\(what)): is a proxy in between?"
        throw .transient(text, of: .bucket(object.bucket))
    }

    /// S3, MinIO and Ceph name the code; a current delete marker has its header.
    private func isAbsent(_ response: HTTPResponse, _ code: String) -> Bool {
        code == "NoSuchKey" || response.headers["x-amz-delete-marker"] == "true"
    }

    /// The region that a 301, 307 or 400 names (header `x-amz-bucket-region`, element `Region`).
    private func otherRegion(_ response: HTTPResponse, _ body: XMLElement?) -> String? {
        guard [301, 307, 400].contains(response.status) else { return nil }
        let region = response.headers["x-amz-bucket-region"] ?? body?.first("Region")?.text
        guard let region, (4...32).contains(region.utf8.count) else { return nil }
        // The name becomes part of a host.
        let isName = region.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
        }
        return isName ? region : nil
    }
}

/// The bucket is in another region.
struct RegionRedirect: ClassifiedError {
    var region: String
    var error: AWSError

    var failure: Failure { error.failure }
}

/// What is remembered of each bucket. Names of buckets come from messages: their number is bounded.
final class BucketMemory<Value: Sendable>: Sendable {
    private let values = LockedValue([String: Value]())
    private let maximum = 1000

    func value(of bucket: String) -> Value? { values.withLock { $0[bucket] } }

    func remember(_ value: Value, of bucket: String) {
        values.withLock { values in
            if values.count >= maximum { values = [:] }
            values[bucket] = value
        }
    }
}

extension ObjectPage {
    /// A page of ListObjectsV2 with `encoding-type=url`; nil where the body is none.
    init?(listing body: [UInt8]) {
        guard let parsed = XMLElement(parsing: body), parsed.name == "ListBucketResult" else { return nil }
        var entries: [Entry] = []
        for item in parsed.all("Contents") {
            // S3's keys are UTF-8 (S3 user guide, "object key names").
            guard let key = PercentEncoding.decodeForm(item.first("Key")?.text ?? "") else { return nil }
            let bytes = Int(item.first("Size")?.text ?? "") ?? 0
            let etag = (item.first("ETag")?.text ?? "").filter { $0 != "\"" }
            let modified = item.first("LastModified")?.text ?? ""
            entries.append(Entry(key: key, bytes: max(0, bytes), etag: etag, lastModified: modified))
        }
        let isTruncated = parsed.first("IsTruncated")?.text == "true"
        self.init(entries: entries, next: isTruncated ? parsed.first("NextContinuationToken")?.text : nil)
    }
}
