import CommandLineOptions
import IngestCore
import Observability

/// `ingestctl metrics`.
struct MetricsCommand: TableCommand {
    static let declaration = CommandDeclaration(
        name: "metrics",
        summary: "print the table of all metrics",
        example: "metrics",
        needs: .nothing
    )

    /// The table of `docs/telemetry.md`, from the definitions that the workers report by.
    static var markdown: String {
        let rows =
            Metrics.Series.allCases.map { row($0, $0.isCounter ? "counter" : "gauge", nil) }
            + Metrics.Counter.allCases.map { row($0, "counter", $0.label) }
            + Metrics.Histogram.allCases.map { row($0, "histogram", nil) }
            + Metrics.Gauge.allCases.map { row($0, "gauge", $0.label) }
        return "| metric | type | label | worker | meaning |\n| --- | --- | --- | --- | --- |\n" + rows.joined()
    }

    private static func row(_ family: some MetricFamily, _ type: String, _ label: String?) -> String {
        let worker =
            family.reporters == .both ? "both" : family.reporters == .ingest ? "`ingest-worker`" : "`embed-worker`"
        return "| `\(family.name)` | \(type) | \(label.map { "`\($0)`" } ?? "") | \(worker) | \(family.help) |\n"
    }
}
