import AsyncPrimitives

/// Everything that a worker counts and measures: a closed set of families, each with its help. The health endpoint shows them in Prometheus'
/// text format, and a log line in CloudWatch's embedded metric format.
package final class Metrics: Sendable {
    /// A value of a gauge at this moment.
    package struct Reading: Sendable {
        package var gauge: Gauge
        package var label: String?
        package var value: Double

        package init(_ gauge: Gauge, _ label: String? = nil, _ value: Double) {
            (self.gauge, self.label, self.value) = (gauge, label, value)
        }
    }

    /// A value of a counter with a label.
    struct Labelled: Hashable, Sendable {
        var counter: Counter
        var value: String
    }

    private let values = LockedValue([Int](repeating: 0, count: Series.allCases.count))
    private let labelled = LockedValue([Labelled: Int]())
    private let distributions = LockedValue(Histogram.allCases.map { Distribution($0) })
    private let sources = LockedValue([@Sendable () -> [Reading]]())
    /// Label values are of closed sets; this bounds a mistake.
    private static let maximumLabelled = 500
    private static let positions = Dictionary(uniqueKeysWithValues: Series.allCases.enumerated().map { ($1, $0) })
    private static let places = Dictionary(uniqueKeysWithValues: Histogram.allCases.enumerated().map { ($1, $0) })

    package init() {}

    package func add(_ series: Series, _ amount: Int = 1) {
        values.withLock { $0[Self.positions[series]!] += amount }
    }

    /// Of what is counted elsewhere.
    package func set(_ series: Series, _ value: Int) { values.withLock { $0[Self.positions[series]!] = value } }

    package func count(_ counter: Counter, _ value: String) {
        let key = Labelled(counter: counter, value: value)
        labelled.withLock { labelled in
            guard labelled[key] != nil || labelled.count < Self.maximumLabelled else { return }
            labelled[key, default: 0] += 1
        }
    }

    package func observe(_ histogram: Histogram, _ value: Double) {
        distributions.withLock { $0[Self.places[histogram]!].observe(value) }
    }

    package func observe(_ histogram: Histogram, _ duration: Duration) { observe(histogram, duration.seconds) }

    /// Adds a source of gauges, which is read for every report.
    package func read(_ source: @escaping @Sendable () -> [Reading]) { sources.withLock { $0.append(source) } }

    package subscript(series: Series) -> Int { values.withLock { $0[Self.positions[series]!] } }

    // MARK: What reports are made of

    var allValues: [(Series, Int)] { Array(zip(Series.allCases, values.withLock { $0 })) }
    var allLabelled: [Labelled: Int] { labelled.withLock { $0 } }
    var allDistributions: [(Histogram, Distribution)] {
        Array(zip(Histogram.allCases, distributions.withLock { $0 }))
    }
    var readings: [Reading] { sources.withLock { $0 }.flatMap { $0() } }

    /// The observations since the last call, at most 100 of each histogram.
    func takeSamples() -> [(Histogram, [Double])] {
        distributions.withLock { all in
            zip(Histogram.allCases, all.indices).map { ($0, all[$1].takeSample()) }
        }
    }
}
