import AsyncPrimitives
import HTTPTransport
import Observability
import Resilience

/// Sends finished spans to a receiver of OTLP/HTTP in protobuf (OpenTelemetry protocol specification, "OTLP/HTTP"): a collector, or X-Ray's
/// own endpoint, whose requests are signed.
package struct TraceExporter: Sendable {
    package struct Settings: Sendable {
        /// X-Ray's own endpoint: `https://xray.eu-west-1.amazonaws.com`.
        package var isXRay: Bool {
            endpoint.map { $0.host.hasPrefix("xray.") && $0.host.contains(".amazonaws.com") } ?? false
        }
        /// Where `/v1/traces` is appended; nil exports nothing.
        package var endpoint: Endpoint?
        package var headers: [(name: String, value: String)]
        /// The share of traces beginning here that are exported.
        package var sampling: Double

        package init(endpoint: Endpoint?, headers: [(name: String, value: String)] = [], sampling: Double) {
            (self.endpoint, self.headers, self.sampling) = (endpoint, headers, sampling)
        }
    }

    /// How requests go out: as they are, or signed for X-Ray.
    package enum Sender: Sendable {
        case plain(any HTTPClient)
        case signed(SignedClient)

        func execute(_ request: HTTPRequest) async throws -> HTTPResponse {
            switch self {
            case .plain(let http): try await http.execute(request)
            case .signed(let client): try await client.execute(request).response
            }
        }
    }

    private let endpoint: Endpoint
    private let headers: [(name: String, value: String)]
    private let encoding: TraceEncoding
    private let sender: Sender
    private let environment: LoopEnvironment

    private static let interval = Duration.seconds(5)
    private static let batch = 512
    private static let policy = RetryPolicy(maximumAttempts: 4, base: .milliseconds(500), cap: .seconds(5))

    /// Nil where nothing is exported.
    package init?(_ settings: Settings, _ sender: Sender, _ encoding: TraceEncoding, _ environment: LoopEnvironment) {
        guard let endpoint = settings.endpoint else { return nil }
        self.endpoint = endpoint
        headers = settings.headers
        self.encoding = encoding
        self.sender = sender
        self.environment = environment
    }

    /// Until it is cancelled; then what is left is sent.
    package func run() async {
        while !Task.isCancelled {
            if environment.tracer.waiting < Self.batch { try? await environment.time.sleep(for: Self.interval) }
            if !Task.isCancelled { await sendAll() }
        }
    }

    /// What has not been sent yet.
    package func sendAll() async {
        while true {
            let (spans, dropped) = environment.tracer.take(Self.batch)
            environment.metrics.add(.spansDropped, dropped)
            guard !spans.isEmpty else { return }
            do {
                try await send(encoding.encode(spans))
                environment.metrics.add(.spansExported, spans.count)
            } catch {
                environment.metrics.add(.spansDropped, spans.count)
                let facts = ["error": Failure(error).summary, "spans": "\(spans.count)", "endpoint": "\(endpoint)"]
                environment.log.warning("trace export failed; the spans are dropped", facts)
                return
            }
        }
    }

    private func send(_ body: [UInt8]) async throws {
        var request = HTTPRequest("POST", endpoint, path: endpoint.basePath + "/v1/traces", body: body)
        request.headers = [("content-type", "application/x-protobuf")] + headers
        request.timeout = .seconds(10)
        let retrying = Retrying(policy: Self.policy, time: environment.time)
        try await retrying.run { [request] _ in
            let response = try await sender.execute(request)
            guard !response.isSuccess else { return }
            let text = "the receiver answered \(response.status)"
            // The specification's list of answers that may be tried again.
            guard [429, 502, 503, 504].contains(response.status) else { throw Failure.fleet(text) }
            throw response.status == 429
                ? Failure.throttled(text, after: response.headers.retryAfter) : Failure.transient(text)
        }
    }
}
