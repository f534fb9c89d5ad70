import AsyncPrimitives

/// Whether two systems differ over the same questions: the mean of the differences, its interval by the bootstrap, and how often signs by chance give as much.
package struct PairedTest: Equatable, Sendable {
    package var difference: Double
    /// 95 % of the means of resampled questions (Efron and Tibshirani 1993, percentile).
    package var interval: ClosedRange<Double>
    /// Two-sided, of Fisher's randomization test.
    package var probability: Double

    private static let rounds = 2000

    /// - Parameters:
    ///   - pairs: the two values of each question.
    ///   - random: the same numbers every time, so that a run can be repeated.
    package init(_ pairs: [(first: Double, second: Double)], random: RandomSource) {
        let differences = pairs.map { $0.second - $0.first }
        difference = Self.mean(differences)
        guard !differences.isEmpty else {
            (interval, probability) = (0...0, 1)
            return
        }
        var means: [Double] = []
        var extreme = 0
        for _ in 0..<Self.rounds {
            var (sum, signed) = (0.0, 0.0)
            for value in differences {
                sum += differences[Int(random.unit() * Double(differences.count))]
                signed += random.unit() < 0.5 ? value : -value
            }
            means.append(sum / Double(differences.count))
            if abs(signed) / Double(differences.count) >= abs(difference) - 1e-12 { extreme += 1 }
        }
        means.sort()
        interval = means[Self.rounds * 25 / 1000]...means[Self.rounds * 975 / 1000 - 1]
        probability = Double(extreme + 1) / Double(Self.rounds + 1)
    }

    /// 0 is not in the interval.
    package var isSignificant: Bool { !interval.contains(0) }

    private static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// The 95 % interval of a mean, by the bootstrap.
    package static func interval(_ values: [Double], random: RandomSource) -> ClosedRange<Double> {
        PairedTest(values.map { (0, $0) }, random: random).interval
    }
}
