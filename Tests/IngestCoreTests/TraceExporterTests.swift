import AsyncPrimitives
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

/// Spans on their way to a receiver: what is sent, what is tried again, what is dropped and counted.
@Suite struct TraceExporterTests {
    private let encoding = TraceEncoding(resource: [("service.name", "test")], scope: ("test", "1"))

    private func environment(spans: Int) async -> LoopEnvironment {
        var environment = LoopEnvironment.test(time: SystemTime())
        environment.tracer = Tracer(sampling: 1, time: SystemTime(), random: .system)
        for _ in 0..<spans { await environment.tracer.span("work") { _ in } }
        return environment
    }

    private func exporter(_ sender: TraceExporter.Sender, _ environment: LoopEnvironment, _ address: String) throws
        -> TraceExporter
    {
        let settings = TraceExporter.Settings(
            endpoint: Endpoint(address),
            headers: [("x-api-key", "k")],
            sampling: 1
        )
        return try #require(TraceExporter(settings, sender, encoding, environment))
    }

    @Test func spansGoOutInRequestsOfBoundedSize() async throws {
        let http = ScriptedHTTPClient { _, _ in HTTPResponse(status: 200) }
        let environment = await environment(spans: 1200)
        try await exporter(.plain(http), environment, "https://collector:4318/base").sendAll()
        #expect(http.requests.count == 3 && environment.metrics[.spansExported] == 1200)
        let first = try #require(http.requests.first)
        #expect(first.path == "/base/v1/traces" && first.method == "POST")
        #expect(first.headers.contains { $0.name == "content-type" && $0.value == "application/x-protobuf" })
        #expect(first.headers.contains { $0.name == "x-api-key" })
    }

    @Test(arguments: [429, 502, 503, 504]) func whatMayBeTriedAgainIs(_ status: Int) async throws {
        let http = ScriptedHTTPClient { _, number in HTTPResponse(status: number == 1 ? status : 200) }
        let environment = await environment(spans: 1)
        try await exporter(.plain(http), environment, "http://h").sendAll()
        #expect(http.requests.count == 2 && environment.metrics[.spansExported] == 1)
    }

    @Test(arguments: [400, 401, 403, 404, 413, 500]) func whatMayNotIsDroppedAndCounted(_ status: Int) async throws {
        let http = ScriptedHTTPClient { _, _ in HTTPResponse(status: status) }
        let environment = await environment(spans: 5)
        try await exporter(.plain(http), environment, "http://h").sendAll()
        #expect(http.requests.count == 1 && environment.metrics[.spansExported] == 0)
        #expect(environment.metrics[.spansDropped] == 5)
    }

    @Test func onlyXRaysEndpointIsSigned() {
        func isXRay(_ address: String) -> Bool {
            TraceExporter.Settings(endpoint: Endpoint(address), sampling: 1).isXRay
        }
        #expect(isXRay("https://xray.eu-west-1.amazonaws.com") && isXRay("https://xray.cn-north-1.amazonaws.com.cn"))
        #expect(!isXRay("https://collector:4318") && !isXRay("https://xray.example.com"))
        #expect(!TraceExporter.Settings(endpoint: nil, sampling: 1).isXRay)
    }

    @Test func requestsToXRayAreSignedForIt() async throws {
        let http = ScriptedHTTPClient { _, _ in HTTPResponse(status: 200) }
        let environment = await environment(spans: 1)
        let signer = SigV4Signer(service: "xray", region: "eu-west-1")
        let client = SignedClient(
            signer: signer,
            http: http,
            credentials: TestKeys(),
            clock: ServerClock(),
            time: SystemTime()
        )
        try await exporter(.signed(client), environment, "https://xray.eu-west-1.amazonaws.com").sendAll()
        let request = try #require(http.requests.first)
        let authorization = try #require(request.headers.first { $0.name.lowercased() == "authorization" }).value
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 ") && authorization.contains("/eu-west-1/xray/aws4_request"))
        #expect(request.target == "/v1/traces" && environment.metrics[.spansExported] == 1)
    }
}
