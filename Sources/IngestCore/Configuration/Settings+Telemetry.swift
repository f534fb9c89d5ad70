import CommandLineOptions

/// What a worker reports of itself.
extension Settings {
    // Telemetry. The names of the first three are OpenTelemetry's.
    package static let traceEndpoint = Setting.text(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "URL",
        "receiver of traces by OTLP/HTTP, without /v1/traces; https://xray.REGION.amazonaws.com is signed; empty exports none",
        default: ""
    )
    package static let traceHeaders = Setting.text(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "name=value,…",
        "headers of each export, for receivers that want a key",
        default: "",
        isSecret: true
    )
    package static let traceSampling = Setting.text(
        "OTEL_TRACES_SAMPLER_ARG",
        "share",
        "share of traces that are exported, 0 to 1, where the event's sender has not decided",
        default: "0.1"
    )
    package static let embeddedMetrics = Setting.toggle(
        "METRICS_EMF",
        "write metrics to the log once a minute, in CloudWatch's embedded format"
    )

    package static let deployment = Setting.text(
        "DEPLOYMENT",
        "name",
        "name of this pipeline in metrics and traces; if unset, its index",
        default: ""
    )

    package static let telemetry: [SettingDeclaration] = [
        traceEndpoint.declaration, traceHeaders.declaration, traceSampling.declaration, embeddedMetrics.declaration,
        deployment.declaration,
    ]
}
