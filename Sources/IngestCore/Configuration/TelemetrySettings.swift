import CommandLineOptions
import HTTPTransport
import Observability
import TextCoding

extension Telemetry.Settings {
    init(_ reader: inout SettingsReader) {
        let endpoint = reader.read(Settings.traceEndpoint)
        let address = endpoint.isEmpty ? nil : Endpoint(endpoint)
        if !endpoint.isEmpty, address == nil {
            reader.problem(
                "OTEL_EXPORTER_OTLP_ENDPOINT is no address such as https://host:4318 (without user, password or query)"
            )
        }
        let text = reader.read(Settings.traceHeaders)
        let headers = Self.headers(text)
        if headers == nil {
            reader.problem("OTEL_EXPORTER_OTLP_HEADERS are not name=value, separated by commas and percent-encoded")
        }
        for (_, value) in headers ?? [] { KnownSecrets.shared.add(value) }
        let share = Double(reader.read(Settings.traceSampling).trimmed) ?? -1
        if !(0...1).contains(share) { reader.problem("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1") }
        self.init(
            traces: TraceExporter.Settings(endpoint: address, headers: headers ?? [], sampling: share),
            embedsMetrics: reader.read(Settings.embeddedMetrics),
            deployment: reader.read(Settings.deployment)
        )
    }

    /// As OpenTelemetry's specification has them ("OTLP exporter", W3C Baggage's form). Nil where one is no header.
    private static func headers(_ text: String) -> [(name: String, value: String)]? {
        var headers: [(name: String, value: String)] = []
        for entry in text.split(separator: ",") where !entry.trimmed.isEmpty {
            let parts = entry.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = PercentEncoding.decode(String(parts[1].trimmed)) else { return nil }
            let name = parts[0].trimmed.lowercased()
            let isToken = name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
            guard isToken, !name.isEmpty, value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
            headers.append((name, value))
        }
        return headers
    }
}
