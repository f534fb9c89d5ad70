extension Metrics {
    /// Prometheus' text exposition format 0.0.4, with the families that `reporter` has.
    package func exposition(of reporter: Reporters = .both) -> String {
        // First: what is read here may set counters.
        let readings = Dictionary(grouping: readings, by: \.gauge)
        var text = ""
        func head(_ family: some MetricFamily, _ type: String) -> Bool {
            guard family.isReported(by: reporter) else { return false }
            text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(type)\n"
            return true
        }
        for (series, value) in allValues where head(series, series.isCounter ? "counter" : "gauge") {
            let number = series.divisor == 1 ? "\(value)" : Self.number(Double(value) / series.divisor)
            text += "\(series.name) \(number)\n"
        }
        let labelled = Dictionary(grouping: allLabelled, by: \.key.counter)
        for counter in Counter.allCases where head(counter, "counter") {
            for (key, value) in (labelled[counter] ?? []).sorted(by: { $0.key.value < $1.key.value }) {
                text += "\(counter.name){\(counter.label)=\"\(Self.escaped(key.value))\"} \(value)\n"
            }
        }
        for (histogram, distribution) in allDistributions where head(histogram, "histogram") {
            text += Self.lines(histogram, distribution)
        }
        for gauge in Gauge.allCases where head(gauge, "gauge") {
            for reading in readings[gauge] ?? [] { text += Self.line(reading) }
        }
        return text
    }

    private static func lines(_ histogram: Histogram, _ distribution: Distribution) -> String {
        var sum = 0
        var text = ""
        for (bound, count) in zip(histogram.bounds.map(number) + ["+Inf"], distribution.counts) {
            sum += count
            text += "\(histogram.name)_bucket{le=\"\(bound)\"} \(sum)\n"
        }
        return text
            + "\(histogram.name)_sum \(number(distribution.sum))\n\(histogram.name)_count \(distribution.total)\n"
    }

    private static func line(_ reading: Reading) -> String {
        let label = zip([reading.gauge.label].compactMap(\.self), [reading.label].compactMap(\.self))
            .map { "{\($0)=\"\(escaped($1))\"}" }.joined()
        return "\(reading.gauge.name)\(label) \(number(reading.value))\n"
    }

    /// Whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    /// A label's value, escaped for the text format.
    package static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
