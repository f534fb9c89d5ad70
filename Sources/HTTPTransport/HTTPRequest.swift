import AsyncPrimitives

/// One request. The bytes that go over the wire follow from it alone: what is signed is what is sent.
package struct HTTPRequest: Sendable {
    package var method: String
    package var endpoint: Endpoint
    /// Percent-encoded, with its leading slash; sent as it is (no dot segments are squeezed).
    package var path: String
    /// Not encoded.
    package var query: [(name: String, value: String)]
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// Where the body of a 2xx response goes; in memory where there is none. Other responses are always kept in memory.
    package var sink: (any BodySink)?
    /// A body in memory longer than this fails the request.
    package var maximumBodyBytes = 64 << 20
    package var timeout: Duration = .seconds(30)
    package var connectTimeout: Duration = .seconds(5)
    /// For addresses of the machine or task itself, which a proxy cannot reach and must not see.
    package var bypassesProxy = false

    package init(
        _ method: String,
        _ endpoint: Endpoint,
        path: String,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.endpoint = endpoint
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    package var url: String { endpoint.origin + target }

    /// Path and query as they go over the wire.
    package var target: String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.joined(
                separator: "&"
            )
    }
}

/// A body that does not stay in memory. Called on the transport's thread, in order.
package protocol BodySink: AnyObject, Sendable {
    /// The head of a 2xx response; false fails the request.
    func begin(_ headers: HTTPHeaders) -> Bool
    /// False fails the request.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool
}

package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(status) }
}

/// Headers of a response, found by name in any case.
package struct HTTPHeaders: Sendable {
    private var fields: [(name: String, value: String)] = []

    package init(_ fields: [(name: String, value: String)] = []) {
        self.fields = fields.map { ($0.name.lowercased(), $0.value) }
    }

    /// Names in small letters.
    package var all: [(name: String, value: String)] { fields }

    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// How long the server wants its client to wait, two minutes at most.
    ///
    /// `x-amz-retry-after` (AWS) and `retry-after-ms` (OpenAI) are milliseconds; `Retry-After` (RFC 9110 §10.2.3) is seconds, or a date, which is
    /// measured against the response's own.
    package var retryAfter: Duration? {
        for name in ["x-amz-retry-after", "retry-after-ms"] {
            if let value = self[name].flatMap(Double.init) { return Duration(checkedSeconds: value / 1000) }
        }
        guard let text = self["retry-after"] else { return nil }
        if let seconds = Double(text) { return Duration(checkedSeconds: seconds) }
        guard let until = Timestamp(httpDate: text), let now = self["date"].flatMap(Timestamp.init(httpDate:)) else {
            return nil
        }
        return Duration(checkedSeconds: max(0, until.duration(since: now).seconds))
    }

    package mutating func append(_ name: String, _ value: String) { fields.append((name.lowercased(), value)) }
}

/// There was no response, or not all of it.
package struct HTTPError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        case timeout
        /// The connection was refused, or the name does not resolve.
        case unreachable
        /// The connection broke before the response was whole.
        case broken
        /// The server's certificate is not trusted, or TLS failed otherwise.
        case untrusted
        case bodyTooLarge
        /// The sink refused the body, or its disk is full.
        case sink
        case invalidRequest
    }

    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// Sends requests. Throws `HTTPError`, or `CancellationError` when the task is cancelled.
package protocol HTTPClient: Sendable {
    func execute(_ request: HTTPRequest) async throws -> HTTPResponse
}
