import CommandLineOptions
import HTTPTransport
import IngestCore
import Testing

/// Settings of telemetry, in the names and forms of OpenTelemetry.
@Suite struct TelemetrySettingsTests {
    private func read(_ values: [String: String]) -> (settings: Telemetry.Settings, problems: [String]) {
        let needed = ["INGEST_QUEUE_URL": "http://h/e", "CHUNK_QUEUE_URL": "http://h/c", "HANDOVER_BUCKET": "bucket"]
        var reader = SettingsReader(needed.merging(values) { $1 })
        let configuration = WorkerConfiguration(&reader)
        return (configuration.telemetry, reader.problems)
    }

    @Test func nothingIsExportedUnlessAReceiverIsNamed() {
        let (settings, problems) = read([:])
        #expect(settings.traces.endpoint == nil && !settings.embedsMetrics && problems.isEmpty)
    }

    @Test func headersArePercentEncodedPairs() {
        let values = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318",
            "OTEL_EXPORTER_OTLP_HEADERS": " X-Api-Key=a%2Cb%3D , other = c ", "OTEL_TRACES_SAMPLER_ARG": "0.25",
        ]
        let (settings, problems) = read(values)
        #expect(problems.isEmpty && settings.traces.sampling == 0.25 && settings.traces.endpoint?.host == "collector")
        #expect(settings.traces.headers.map(\.name) == ["x-api-key", "other"])
        #expect(settings.traces.headers.map(\.value) == ["a,b=", "c"])
    }

    @Test(arguments: [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318 "), ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no-value"), ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=x%0D%0Ainjected: y"), ("OTEL_EXPORTER_OTLP_HEADERS", "=c"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"), ("OTEL_TRACES_SAMPLER_ARG", "-1"), ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_TRACES_SAMPLER_ARG", "many"),
    ])
    func whatIsWrongIsNamed(_ name: String, _ value: String) {
        #expect(read([name: value]).problems.contains { $0.hasPrefix(name) })
    }
}
