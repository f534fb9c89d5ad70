import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// The role of an EC2 instance, by version 2 of its metadata service (EC2 user guide, "Use the Instance Metadata Service").
struct InstanceCredentials: CredentialProvider {
    private let endpoint: Endpoint?
    private let isDisabled: Bool
    private let http: any HTTPClient
    private let time: any TimeSource
    private let random: RandomSource

    private static let folder = "/latest/meta-data/iam/security-credentials/"

    init(
        environment: [String: String],
        http: any HTTPClient,
        time: any TimeSource,
        random: RandomSource = .system
    ) {
        let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
        let address = isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
        endpoint = Endpoint(environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? address)
        isDisabled = environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true"
        self.http = http
        self.time = time
        self.random = random
    }

    private struct ResponseBody: Decodable {
        var Code: String?
        var AccessKeyId: String?
        var SecretAccessKey: String?
        var Token: String?
        var Expiration: String?
    }

    func credentials() async throws -> Credentials {
        guard let endpoint, !isDisabled else { throw NoCredentials.error }
        let token = try await token(endpoint)
        let roles = try await get(Self.folder, token, endpoint)
        guard let role = String(decoding: roles, as: UTF8.self).split(whereSeparator: \.isNewline).first else {
            throw CredentialError("this instance has no role: attach an instance profile")
        }
        let body = try await get(Self.folder + PercentEncoding.encode(String(role)), token, endpoint)
        guard let parsed = try? JSONDecoder().decode(ResponseBody.self, from: Data(body)),
            parsed.Code ?? "Success" == "Success",
            let key = parsed.AccessKeyId, let secret = parsed.SecretAccessKey
        else {
            throw CredentialError("the instance metadata service has no credentials of role \(role)")
        }
        return Credentials(
            accessKeyID: key,
            secretAccessKey: secret,
            sessionToken: parsed.Token,
            expiration: parsed.Expiration.flatMap(Timestamp.init(iso8601:)).map(usableUntil)
        )
    }

    /// Static stability: while the service cannot renew credentials, the old ones are used, and renewal is retried in 2 to 10 minutes.
    private func usableUntil(_ expiration: Timestamp) -> Timestamp {
        guard expiration.duration(since: time.now) < .seconds(60) else { return expiration }
        return time.now.advanced(by: .seconds(120 + 480 * random.unit()))
    }

    private func token(_ endpoint: Endpoint) async throws -> String? {
        var request = request("PUT", "/latest/api/token", endpoint)
        request.headers = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")]
        let response: HTTPResponse
        do {
            response = try await http.execute(request)
        } catch is HTTPError {
            throw NoCredentials.error  // not an EC2 instance
        }
        if response.isSuccess { return String(String(decoding: response.body, as: UTF8.self).trimmed) }
        // Only an older service has no tokens: version 1 then.
        if [403, 404, 405].contains(response.status) { return nil }
        throw CredentialError("the instance metadata service refused a token: status \(response.status)")
    }

    private func get(_ path: String, _ token: String?, _ endpoint: Endpoint) async throws -> [UInt8] {
        var request = request("GET", path, endpoint)
        if let token { request.headers = [("x-aws-ec2-metadata-token", token)] }
        let retrying = Retrying(policy: RetryPolicy(maximumAttempts: 3, base: .milliseconds(200)), time: time)
        return try await retrying.run { [request] _ in
            let response = try await http.execute(request)
            if response.isSuccess { return response.body }
            let text = "the instance metadata service returned \(response.status) to \(path)"
            throw response.status >= 500 ? Failure.transient(text) : Failure.fleet("no AWS credentials: \(text)")
        }
    }

    private func request(_ method: String, _ path: String, _ endpoint: Endpoint) -> HTTPRequest {
        var request = HTTPRequest(method, endpoint, path: endpoint.basePath + path)
        (request.timeout, request.connectTimeout, request.bypassesProxy) = (.seconds(2), .seconds(1), true)
        return request
    }
}
