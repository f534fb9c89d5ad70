import AsyncPrimitives
import HTTPTransport
import Resilience
import TextCoding

/// The response of STS to `AssumeRole` and `AssumeRoleWithWebIdentity`.
enum SecurityTokenService {
    static func request(_ endpoint: Endpoint, _ fields: [(String, String)]) -> HTTPRequest {
        HTTPRequest(
            "POST",
            endpoint,
            path: endpoint.basePath + "/",
            headers: [("content-type", "application/x-www-form-urlencoded")],
            body: Array(fields.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&").utf8)
        )
    }

    /// - Parameter what: the call and its role, for messages.
    static func credentials(_ response: HTTPResponse, _ what: String, _ endpoint: Endpoint) throws -> Credentials {
        let parsed = XMLElement(parsing: response.body)
        guard response.isSuccess, let fields = parsed?.first("Credentials") else {
            if response.status >= 500 {
                throw Failure.transient("STS at \(endpoint.origin) returned \(response.status)")
            }
            let code = parsed?.first("Code")?.text ?? "status \(response.status)"
            throw CredentialError("STS refused \(what): \(code)")
        }
        return Credentials(
            accessKeyID: fields.first("AccessKeyId")?.text ?? "",
            secretAccessKey: fields.first("SecretAccessKey")?.text ?? "",
            sessionToken: fields.first("SessionToken")?.text,
            expiration: fields.first("Expiration").flatMap { Timestamp(iso8601: $0.text) }
        )
    }
}

/// `AssumeRoleWithWebIdentity` with the token that EKS mounts (`AWS_WEB_IDENTITY_TOKEN_FILE`). The call is not signed.
struct WebIdentityCredentials: CredentialProvider {
    var tokenFile: String
    var role: String
    var session: String
    var endpoint: Endpoint
    var http: any HTTPClient
    var files: any FileSystem

    func credentials() async throws -> Credentials {
        // Read for every call: it is replaced from time to time.
        guard let bytes = files.contents(tokenFile) else {
            throw CredentialError("AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: \(tokenFile)")
        }
        let request = SecurityTokenService.request(
            endpoint,
            [
                ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
                ("RoleSessionName", session),
                ("WebIdentityToken", String(String(decoding: bytes, as: UTF8.self).trimmed)),
            ]
        )
        let response = try await http.execute(request)
        return try SecurityTokenService.credentials(response, "AssumeRoleWithWebIdentity for \(role)", endpoint)
    }
}

/// `AssumeRole`, signed with other credentials.
struct AssumedRole: CredentialProvider {
    var role: String
    var session: String
    var externalID: String?
    var seconds: Int?
    var source: Credentials
    var region: String
    var endpoint: Endpoint
    var http: any HTTPClient
    var time: any TimeSource

    func credentials() async throws -> Credentials {
        var fields = [
            ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", session),
        ]
        if let externalID { fields.append(("ExternalId", externalID)) }
        if let seconds { fields.append(("DurationSeconds", String(seconds))) }
        let client = SignedClient(
            signer: SigV4Signer(service: "sts", region: region),
            http: http,
            credentials: FixedCredentials(value: source),
            clock: ServerClock(),
            time: time
        )
        let (response, _) = try await client.execute(SecurityTokenService.request(endpoint, fields))
        return try SecurityTokenService.credentials(response, "AssumeRole of \(role)", endpoint)
    }

    private struct FixedCredentials: CredentialProvider {
        var value: Credentials

        func credentials() async throws -> Credentials { value }
    }
}
