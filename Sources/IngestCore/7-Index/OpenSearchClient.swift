import AsyncPrimitives
import CommandLineOptions
import ExtractionWire
import FoundationEssentials
import HTTPTransport
import Observability
import TextCoding

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
                let (response, signatureRejection) = try await execute(request)
                if response.isSuccess || statuses.contains(response.status) { return response }
                let remedy = remedy(response, signatureRejection)
                var error = OpenSearchError(method: method, path: path, response: response, remedy: remedy)
                error.dependency = dependency
                throw error
            }
        } catch let error as HTTPError {
            throw error.final("OpenSearch", setting: "OPENSEARCH_URL", of: dependency)
        } catch let error as CredentialError {
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
    func unexpected(_ response: HTTPResponse, of dependency: Dependency) -> Failure {
        let what = ForeignResponse.describe(response)
        return .transient("OpenSearch at \(endpoint): unexpected response (\(what))", of: dependency)
    }

    private func execute(_ request: HTTPRequest) async throws -> (HTTPResponse, SignatureRejection?) {
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

    private func remedy(_ response: HTTPResponse, _ signatureRejection: SignatureRejection?) -> String? {
        if let signatureRejection { return signatureRejection.remedy }
        guard response.status == 401 || response.status == 403 else { return nil }
        return switch authorization {
        case .none: "authentication required (OPENSEARCH_AUTH)"
        case .basic: "invalid credentials (OPENSEARCH_USER, OPENSEARCH_PASSWORD)"
        case .signed: "access denied for this role: the domain's access policy or role mapping must allow it"
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
    package var dependency = Dependency.index
    /// The body is not OpenSearch's: a proxy's page.
    private let isForeign: Bool
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
        isForeign = JSONValue(parsing: response.body) == nil
        switch (try? JSONDecoder().decode(Body.self, from: Data(response.body)))?.error {
        case .cause(let cause): (type, reason) = (cause.type ?? "", String((cause.reason ?? "").prefix(300)))
        case .text(let text): reason = String(text.prefix(300))
        case nil: reason = ForeignResponse.describe(response)
        }
    }

    package var description: String {
        let what = [type, remedy ?? reason].filter { !$0.isEmpty }.joined(separator: ": ")
        return "OpenSearch \(method) \(path): status \(status)\(what.isEmpty ? "" : ", \(what)")"
    }

    /// What one request was refused is never a document's: a request carries chunks of many, or a ledger record.
    package var failure: Failure {
        if status == 429, type != "cluster_block_exception" {
            return .throttled(description, after: retryAfter, of: dependency)
        }
        if status == 403, description.contains("Request throttled") {
            return .throttled(description, after: retryAfter, of: dependency)
        }
        // A page of a proxy may be gone with the next try; 401 and 403 are plain text from the security plugin, too.
        let isPage = isForeign && ![401, 403].contains(status)
        if status == 408 || status >= 500 || isPage { return .transient(description, of: dependency) }
        return .fleet(ItemFailure.explained(description, type), of: dependency)
    }
}

/// What the error of one item of a bulk or a multi-get means.
enum ItemFailure {
    static func classify(status: Int, type: String, _ text: String, of dependency: Dependency) -> Failure {
        switch (status, type) {
        case (429, "cluster_block_exception"): .fleet(explained(text, type), of: dependency)
        case (429, _): .throttled(text, after: nil, of: dependency)
        case (403, _) where text.contains("Request throttled"): .throttled(text, after: nil, of: dependency)
        case (408, _), (500..., _): .transient(text, of: dependency)
        case (400, _) where isAboutValues(type, text): .document(Rejection(.indexRefused, text))
        default: .fleet(explained(text, type), of: dependency)
        }
    }

    /// The error of an item of a multi-get, which has no status.
    static func ofRead(type: String, _ text: String, of dependency: Dependency) -> Failure {
        switch type {
        case "circuit_breaking_exception", "rejected_execution_exception", "es_rejected_execution_exception",
            "opensearch_rejected_execution_exception":
            .throttled(text, after: nil, of: dependency)
        case "index_not_found_exception", "security_exception", "index_closed_exception", "cluster_block_exception",
            "illegal_argument_exception":
            .fleet(explained(text, type), of: dependency)
        default: .transient(text, of: dependency)
        }
    }

    /// A value of this chunk that the mapping does not take. The same types name faults of the whole index: a k-NN circuit breaker, vectors of
    /// another length, a field that the mapping lacks, an index that is full or closed.
    private static func isAboutValues(_ type: String, _ text: String) -> Bool {
        let ofIndex = [
            "circuit breaker", "ector dimension mismatch", "nvalid vector dimension", "number of documents",
            "no write index", "strict_dynamic",
        ]
        if ofIndex.contains(where: { text.contains($0) }) { return false }
        switch type {
        case "mapper_parsing_exception", "document_parsing_exception": return true
        case "illegal_argument_exception": return text.contains("immense term")
        case "max_bytes_length_exceeded_exception": return true
        default: return false
        }
    }

    /// With what to do about it, where that is known.
    static func explained(_ text: String, _ type: String) -> String {
        switch type {
        case "cluster_block_exception":
            "\(text): the index is blocked; where a node's disk is full, give it room, then the block goes by itself"
        case "index_not_found_exception": "\(text): run 'ingestctl setup' with these settings"
        case "index_closed_exception": "\(text): open the index"
        default: text
        }
    }
}
