import AsyncPrimitives
import HTTPTransport
import TextCoding

/// AWS Signature Version 4, in the words of its specification ("Create a signed AWS API request", IAM user guide). Pure: time is a parameter.
package struct SigV4Signer: Sendable {
    package var service: String
    package var region: String
    /// Every service but S3 squeezes dot segments out of the path before it is signed.
    package var normalizesPath: Bool
    /// Every service but S3 encodes the path, as sent, once more.
    package var encodesPath: Bool
    /// S3 and OpenSearch Serverless require the body's hash as a header.
    package var addsContentHash: Bool

    package init(
        service: String,
        region: String,
        normalizesPath: Bool? = nil,
        encodesPath: Bool? = nil,
        addsContentHash: Bool? = nil
    ) {
        let isS3 = service == "s3"
        self.service = service
        self.region = region
        self.normalizesPath = normalizesPath ?? !isS3
        self.encodesPath = encodesPath ?? !isS3
        self.addsContentHash = addsContentHash ?? (isS3 || service == "aoss")
    }

    /// Headers that intermediaries and libcurl change are never signed (botocore's auth.py, SIGNED_HEADERS_BLACKLIST).
    private static let unsigned: Set<String> = [
        "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
        "user-agent", "x-amzn-trace-id", "authorization",
    ]

    /// The request with `host`, `x-amz-date`, the token and `authorization`; what an earlier attempt added is replaced.
    package func sign(_ request: HTTPRequest, with credentials: Credentials, at time: Timestamp) -> HTTPRequest {
        var signed = request
        let ours: Set<String> = ["host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]
        signed.headers.removeAll { ours.contains($0.name.lowercased()) }
        signed.headers.append(("host", request.endpoint.authority))
        signed.headers.append(("x-amz-date", time.basic))
        if let token = credentials.sessionToken { signed.headers.append(("x-amz-security-token", token)) }
        let hash = Hex.string(Digest.sha256(request.body))
        if addsContentHash { signed.headers.append(("x-amz-content-sha256", hash)) }
        let canonical = canonicalRequest(signed, payloadHash: hash)
        let signature = signature(stringToSign(canonical, at: time), credentials, at: time)
        let scope = "\(credentials.accessKeyID)/\(scope(at: time))"
        let names = signedHeaders(signed.headers).map(\.name).joined(separator: ";")
        let value = "AWS4-HMAC-SHA256 Credential=\(scope), SignedHeaders=\(names), Signature=\(signature)"
        signed.headers.append(("authorization", value))
        return signed
    }

    package func canonicalRequest(_ request: HTTPRequest, payloadHash: String) -> String {
        let headers = signedHeaders(request.headers)
        return [
            request.method,
            canonicalPath(request.path),
            canonicalQuery(request.query),
            headers.map { "\($0.name):\($0.value)\n" }.joined(),
            headers.map(\.name).joined(separator: ";"),
            payloadHash,
        ].joined(separator: "\n")
    }

    package func stringToSign(_ canonicalRequest: String, at time: Timestamp) -> String {
        ["AWS4-HMAC-SHA256", time.basic, scope(at: time), Hex.string(Digest.sha256(canonicalRequest))].joined(
            separator: "\n"
        )
    }

    package func signature(_ stringToSign: String, _ credentials: Credentials, at time: Timestamp) -> String {
        let date = Digest.hmacSHA256(key: Array("AWS4\(credentials.secretAccessKey)".utf8), time.day)
        let key = [region, service, "aws4_request"].reduce(date) { Digest.hmacSHA256(key: $0, $1) }
        return Hex.string(Digest.hmacSHA256(key: key, stringToSign))
    }

    private func scope(at time: Timestamp) -> String { "\(time.day)/\(region)/\(service)/aws4_request" }

    private func canonicalPath(_ path: String) -> String {
        var path = path.isEmpty ? "/" : path
        if normalizesPath { path = Self.normalized(path) }
        return encodesPath ? PercentEncoding.encode(path, keepingSlashes: true) : path
    }

    /// RFC 3986 §5.2.4 without empty segments; a trailing slash stays.
    private static func normalized(_ path: String) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        let joined = "/" + segments.joined(separator: "/")
        return path.hasSuffix("/") && joined != "/" ? joined + "/" : joined
    }

    private func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
        query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
            .sorted {
                $0.0 != $1.0
                    ? $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) : $0.1.utf8.lexicographicallyPrecedes($1.1.utf8)
            }
            .map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// Lower-case names in order, values trimmed with inner white space collapsed, repeated names joined in the order they are sent.
    private func signedHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            if Self.unsigned.contains(name) { continue }
            // Most values have no blank, and none of their characters has to be looked up.
            let isPlain = value.utf8.allSatisfy { 0x21...0x7E ~= $0 }
            let folded = isPlain ? value : value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            values[name, default: []].append(folded)
        }
        return values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map {
            ($0, values[$0]!.joined(separator: ","))
        }
    }
}
