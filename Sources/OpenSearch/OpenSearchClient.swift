import AsyncPrimitives
import FoundationEssentials
import HTTPTransport
import Resilience

/// Requests to one OpenSearch cluster: addressed, signed where it is a managed domain, retried, errors classified.
package struct OpenSearchClient: Sendable {
    package let endpoint: Endpoint
    private let http: any HTTPClient
    private let authorization: Authorization
    package let retrying: Retrying

    package enum Authorization: Sendable {
        case none
        case basic(user: String, password: String)
        case signed(any RequestSigning)
    }

    package init(endpoint: Endpoint, http: any HTTPClient, authorization: Authorization = .none, retrying: Retrying) {
        self.endpoint = endpoint
        self.http = http
        self.authorization = authorization
        self.retrying = retrying
    }

    /// Sends and returns the response; a status that is neither 2xx nor in `accepting` throws `OpenSearchError`.
    package func send(
        _ method: String,
        _ path: String,
        of dependency: Dependency = .index,
        query: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        contentType: String = "application/json",
        accepting statuses: Set<Int> = [],
        timeout: Duration = .seconds(60)
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(method, endpoint, path: endpoint.basePath + path, query: query, body: body)
        request.timeout = timeout
        request.maximumBodyBytes = 256 << 20
        if !body.isEmpty { request.headers.append(("content-type", contentType)) }
        // Proxies that find no Accept-Encoding add one of their own, and this client does not decompress.
        request.headers.append(("accept-encoding", "identity"))
        do {
            return try await retrying.run { [request] _ in
                let (response, signatureRemedy) = try await execute(request)
                if response.isSuccess || statuses.contains(response.status) { return response }
                let remedy = signatureRemedy ?? remedy(response)
                var error = OpenSearchError(method: method, path: path, response: response, remedy: remedy)
                error.dependency = dependency
                throw error
            }
        } catch let error as HTTPError {
            throw error.final("OpenSearch", setting: "OPENSEARCH_URL", of: dependency)
        } catch let error as OpenSearchError {
            throw error
        } catch let error as any ClassifiedError {
            // Of the credentials: without them the cluster cannot be used.
            throw error.failure.of(dependency)
        }
    }

    package func decode<Body: Decodable>(
        _ type: Body.Type,
        _ response: HTTPResponse,
        of dependency: Dependency = .index
    ) throws -> Body {
        do {
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch {
            throw unexpected(response, of: dependency)
        }
    }

    /// A response that is not OpenSearch's: a load balancer's page, say.
    package func unexpected(_ response: HTTPResponse, of dependency: Dependency) -> Failure {
        let what = ForeignResponse.describe(response)
        return .transient("OpenSearch at \(endpoint): unexpected response (\(what))", of: dependency)
    }

    private func execute(_ request: HTTPRequest) async throws -> (HTTPResponse, remedy: String?) {
        switch authorization {
        case .none: return (try await http.execute(request), nil)
        case .basic(let user, let password):
            var request = request
            let token = Data("\(user):\(password)".utf8).base64EncodedString()
            request.headers.append(("authorization", "Basic \(token)"))
            return (try await http.execute(request), nil)
        case .signed(let client): return try await client.sendSigned(request)
        }
    }

    private func remedy(_ response: HTTPResponse) -> String? {
        guard response.status == 401 || response.status == 403 else { return nil }
        return switch authorization {
        case .none: "authentication required (OPENSEARCH_AUTH)"
        case .basic: "invalid credentials (OPENSEARCH_USER, OPENSEARCH_PASSWORD)"
        case .signed: "access denied for this role: the domain's access policy or role mapping must allow it"
        }
    }
}
