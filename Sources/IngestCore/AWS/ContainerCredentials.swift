import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import Resilience
import TextCoding

/// The credentials endpoint of ECS tasks and EKS pods (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `…_FULL_URI`).
struct ContainerCredentials: CredentialProvider {
    private let url: String
    private let environment: [String: String]
    private let http: any HTTPClient
    private let files: any FileSystem
    private let time: any TimeSource

    private static let taskHost = "http://169.254.170.2"
    /// Hosts that may be called without TLS: the task's own addresses.
    private static let plainHosts: Set<String> = [
        "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
    ]

    init?(environment: [String: String], http: any HTTPClient, files: any FileSystem, time: any TimeSource) {
        if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], !path.isEmpty {
            url = Self.taskHost + path
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"], !full.isEmpty {
            url = full
        } else {
            return nil
        }
        self.environment = environment
        self.http = http
        self.files = files
        self.time = time
    }

    private struct ResponseBody: Decodable {
        var AccessKeyId: String
        var SecretAccessKey: String
        var Token: String?
        var Expiration: String?
    }

    func credentials() async throws -> Credentials {
        let parts = url.split(separator: "?", maxSplits: 1).map(String.init)
        guard let endpoint = parts.first.flatMap(Endpoint.init) else {
            throw CredentialError("AWS_CONTAINER_CREDENTIALS_FULL_URI is not an http or https address")
        }
        guard endpoint.isSecure || Self.plainHosts.contains(endpoint.host) else {
            throw CredentialError(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI names \(endpoint.host), which must be called over https"
            )
        }
        let path = endpoint.basePath.isEmpty ? "/" : endpoint.basePath
        var request = HTTPRequest("GET", endpoint, path: parts.count > 1 ? "\(path)?\(parts[1])" : path)
        request.timeout = .seconds(2)
        request.bypassesProxy = true
        if let token = try authorization() { request.headers.append(("authorization", token)) }
        let retrying = Retrying(policy: RetryPolicy(maximumAttempts: 3, base: .seconds(1)), time: time)
        let response = try await retrying.run { [request] _ in
            let response: HTTPResponse
            do {
                response = try await http.execute(request)
            } catch let error as HTTPError {
                throw Failure.transient("the container credentials endpoint does not respond: \(error)")
            }
            guard response.isSuccess else {
                throw Failure.transient(
                    "the container credentials endpoint \(endpoint.origin) returned \(response.status)"
                )
            }
            return response
        }
        guard let parsed = try? JSONDecoder().decode(ResponseBody.self, from: Data(response.body)) else {
            throw CredentialError(
                "the container credentials endpoint \(endpoint.origin) returned no credentials"
            )
        }
        return Credentials(
            accessKeyID: parsed.AccessKeyId,
            secretAccessKey: parsed.SecretAccessKey,
            sessionToken: parsed.Token,
            expiration: parsed.Expiration.flatMap(Timestamp.init(iso8601:))
        )
    }

    /// The token file is read for every fetch: EKS replaces it.
    private func authorization() throws -> String? {
        var token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            guard let bytes = files.contents(path) else {
                throw CredentialError("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: \(path)")
            }
            token = String(String(decoding: bytes, as: UTF8.self).trimmed)
        }
        if let token, token.contains(where: \.isNewline) {
            throw CredentialError("the container authorization token has a line break in it")
        }
        return token
    }
}
