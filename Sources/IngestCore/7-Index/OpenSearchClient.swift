import ExtractionWire
import FoundationEssentials

/// Requests to one OpenSearch cluster: addressed, signed where it is a managed domain, retried, errors classified.
package struct OpenSearchClient: Sendable {
    package let endpoint: Endpoint
    private let http: any HTTPClient
    private let authorization: Authorization
    package let retrying: Retrying

    package enum Authorization: Sendable {
        case none
        case basic(user: String, password: String)
        case signed(SignedClient)
    }

    package init(endpoint: Endpoint, http: any HTTPClient, authorization: Authorization = .none, retrying: Retrying) {
        self.endpoint = endpoint
        self.http = http
        self.authorization = authorization
        self.retrying = retrying
    }

    /// Sends and returns the answer; a status that is neither 2xx nor in `accepting` throws `OpenSearchError`.
    package func send(
        _ method: String,
        _ path: String,
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
        // Proxies that find no wish add one of their own, and nobody here unpacks.
        request.headers.append(("accept-encoding", "identity"))
        do {
            return try await retrying.run { [request] _ in
                let (response, complaint) = try await execute(request)
                if response.isSuccess || statuses.contains(response.status) { return response }
                let remedy = remedy(response, complaint)
                throw OpenSearchError(method: method, path: path, response: response, remedy: remedy)
            }
        } catch let error as HTTPError {
            throw error.final("OpenSearch", setting: "OPENSEARCH_URL")
        }
    }

    package func decode<Answer: Decodable>(_ type: Answer.Type, _ response: HTTPResponse) throws -> Answer {
        do {
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch {
            throw Failure.transient("OpenSearch at \(endpoint): the answer is not understood (\(type))")
        }
    }

    private func execute(_ request: HTTPRequest) async throws -> (HTTPResponse, SignatureComplaint?) {
        switch authorization {
        case .none: return (try await http.execute(request), nil)
        case .basic(let user, let password):
            var request = request
            let token = Data("\(user):\(password)".utf8).base64EncodedString()
            request.headers.append(("authorization", "Basic \(token)"))
            return (try await http.execute(request), nil)
        case .signed(let client): return try await client.execute(request)
        }
    }

    private func remedy(_ response: HTTPResponse, _ complaint: SignatureComplaint?) -> String? {
        if let complaint { return complaint.remedy }
        guard response.status == 401 || response.status == 403 else { return nil }
        return switch authorization {
        case .none: "the cluster wants a sign-in (OPENSEARCH_AUTH)"
        case .basic: "the cluster refuses this user or password (OPENSEARCH_USER, OPENSEARCH_PASSWORD)"
        case .signed: "the cluster refuses this role: its access policy or role mapping must allow it"
        }
    }
}

/// OpenSearch's refusal of a request.
package struct OpenSearchError: ClassifiedError, CustomStringConvertible {
    package var method: String
    package var path: String
    package var status: Int
    package var type: String
    /// At most 300 characters: reasons may quote a whole document.
    package var reason: String
    private var retryAfter: Duration?
    private var remedy: String?

    private struct Body: Decodable {
        struct Cause: Decodable {
            var type: String?
            var reason: String?
        }
        enum Problem: Decodable {
            case cause(Cause)
            case text(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .cause(try container.decode(Cause.self))
                }
            }
        }
        var error: Problem?
    }

    package init(method: String, path: String, response: HTTPResponse, remedy: String? = nil) {
        self.remedy = remedy
        self.method = method
        self.path = path
        status = response.status
        retryAfter = AWSClient.retryAfter(response.headers)
        (type, reason) = ("", "")
        switch (try? JSONDecoder().decode(Body.self, from: Data(response.body)))?.error {
        case .cause(let cause): (type, reason) = (cause.type ?? "", String((cause.reason ?? "").prefix(300)))
        case .text(let text): reason = String(text.prefix(300))
        case nil: break
        }
    }

    package var description: String {
        let what = [type, remedy ?? reason].filter { !$0.isEmpty }.joined(separator: ": ")
        return "OpenSearch \(method) \(path): status \(status)\(what.isEmpty ? "" : ", \(what)")"
    }

    package var failure: Failure {
        ItemFailure.classify(status: status, type: type, description, retryAfter: retryAfter)
    }
}

/// What a status and error type mean, for a whole request and for an item of a bulk alike.
enum ItemFailure {
    static func classify(status: Int, type: String, _ text: String, retryAfter: Duration? = nil) -> Failure {
        switch (status, type) {
        case (429, "cluster_block_exception"):
            .fleet("\(text): a node's disk is full; give it room, then the block goes by itself")
        case (429, _): .throttled(text, after: retryAfter)
        case (403, _) where text.contains("Request throttled"): .throttled(text, after: retryAfter)
        case (408, _), (500..., _): .transient(text)
        case (_, "index_not_found_exception"): .fleet("\(text): run 'ingestctl setup' with these settings")
        case (401, _), (403, _), (404, _): .fleet(text)
        case (_, "strict_dynamic_mapping_exception"): .fleet(text)
        default:
            status == 400 && text.contains("ector dimension mismatch")
                ? .fleet(text) : .document(Rejection(.indexRefused, text))
        }
    }
}
