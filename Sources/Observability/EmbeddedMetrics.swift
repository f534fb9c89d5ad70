import AsyncPrimitives
import TextCoding

/// CloudWatch's embedded metric format: a line of JSON in the log that CloudWatch makes metrics of ("Embedded metric format specification").
/// Counters are reported as what was added since the line before, histograms as samples of at most 100 values.
package struct EmbeddedMetrics: Sendable {
    package static let namespace = "IngestFleet"

    private let metrics: Metrics
    private let reporter: Metrics.Reporters
    /// The dimensions: `service` and `pipeline`.
    private let dimensions: [(name: String, value: String)]
    private var before: [String: Int] = [:]

    package init(_ metrics: Metrics, of reporter: Metrics.Reporters, service: String, pipeline: String) {
        self.metrics = metrics
        self.reporter = reporter
        dimensions = [("service", service), ("pipeline", pipeline)]
    }

    /// One line for each set of dimensions: the service's own, and one for each value of a label.
    package mutating func lines(at time: Timestamp) -> [[UInt8]] {
        let readings = metrics.readings
        var values: [Value] = []
        for (series, value) in metrics.allValues where series.isReported(by: reporter) {
            let unit = series.name.hasSuffix("_bytes_total") ? "Bytes" : series == .embeddingCost ? "None" : "Count"
            let number = series.isCounter ? added(series.name, value) : value
            values.append(Value(series.name, unit, [Double(number) / series.divisor]))
        }
        for (histogram, sample) in metrics.takeSamples() where histogram.isReported(by: reporter) && !sample.isEmpty {
            values.append(Value(histogram.name, histogram.isDuration ? "Seconds" : "None", sample))
        }
        var labelled: [String: [Value]] = [:]
        var labels: [String: (name: String, value: String)] = [:]
        func add(_ name: String, _ value: String, _ metric: Value) {
            labelled["\(name)=\(value)", default: []].append(metric)
            labels["\(name)=\(value)"] = (name, value)
        }
        // Alarms name their dimensions, and cannot search: a sum over the label's values is there as well, at all times.
        var sums: [String: Double] = [:]
        for counter in Metrics.Counter.allCases where counter.isReported(by: reporter) { sums[counter.name] = 0 }
        sums[Metrics.Gauge.paused.name] = 0
        for (key, count) in metrics.allLabelled where key.counter.isReported(by: reporter) {
            let number = Double(added("\(key.counter.name)=\(key.value)", count))
            sums[key.counter.name, default: 0] += number
            add(key.counter.label, key.value, Value(key.counter.name, "Count", [number]))
        }
        for reading in readings where reading.gauge.isReported(by: reporter) && !reading.gauge.isDetail {
            let value = Value(reading.gauge.name, unit(reading.gauge), [reading.value])
            guard let name = reading.gauge.label, let label = reading.label else {
                values.append(value)
                continue
            }
            if reading.gauge == .paused { sums[reading.gauge.name, default: 0] += reading.value }
            add(name, label, value)
        }
        values += sums.sorted { $0.key < $1.key }.map { Value($0.key, "Count", [$0.value]) }
        return [line(values, [], time)]
            + labelled.sorted { $0.key < $1.key }.map { line($0.value, [labels[$0.key]!], time) }
    }

    private struct Value {
        var name: String
        var unit: String
        var numbers: [Double]

        init(_ name: String, _ unit: String, _ numbers: [Double]) {
            (self.name, self.unit, self.numbers) = (name, unit, numbers)
        }
    }

    private func unit(_ gauge: Metrics.Gauge) -> String {
        gauge.name.hasSuffix("_seconds") ? "Seconds" : gauge == .residentMemory ? "Bytes" : "None"
    }

    private mutating func added(_ name: String, _ value: Int) -> Int {
        defer { before[name] = value }
        return value - (before[name] ?? 0)
    }

    private func line(_ values: [Value], _ label: [(name: String, value: String)], _ time: Timestamp) -> [UInt8] {
        Self.line(values, dimensions + label, time)
    }

    /// A line of a program that runs once.
    package static func line(_ values: [(String, Double)], service: String, pipeline: String, at time: Timestamp)
        -> [UInt8]
    {
        let values = values.map { Value($0.0, $0.0.hasSuffix("_seconds") ? "Seconds" : "None", [$0.1]) }
        return line(values, [("service", service), ("pipeline", pipeline)], time)
    }

    private static func line(_ values: [Value], _ dimensions: [(name: String, value: String)], _ time: Timestamp)
        -> [UInt8]
    {
        var json = JSONWriter()
        json.object { json in
            json.object("_aws") {
                $0.field("Timestamp", Int(time.milliseconds))
                $0.key("CloudWatchMetrics")
                $0.array {
                    $0.object {
                        $0.field("Namespace", Self.namespace)
                        $0.key("Dimensions")
                        $0.array { $0.array { for dimension in dimensions { $0.string(dimension.name) } } }
                        $0.key("Metrics")
                        $0.array { all in
                            for value in values {
                                all.object {
                                    $0.field("Name", value.name)
                                    $0.field("Unit", value.unit)
                                }
                            }
                        }
                    }
                }
            }
            for dimension in dimensions {
                json.field(dimension.name, KnownSecrets.shared.masked(dimension.value).printable)
            }
            for value in values {
                json.key(value.name)
                if value.numbers.count == 1 {
                    json.number(value.numbers[0])
                } else {
                    json.array { for number in value.numbers { $0.number(number) } }
                }
            }
        }
        json.newline()
        return json.bytes
    }
}
