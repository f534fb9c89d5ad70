import AsyncPrimitives
import IngestCore
import TextCoding

/// The measures of runs: each by its name, as table and report have them.
struct EvaluationFigures: Sendable {
    let limit: Int
    let budgets: [Int]

    static let ndcg = "nDCG@10"
    /// The same numbers every time, so that a run gives the same report again.
    private static let seed: UInt64 = 20_261_128

    struct Measure: Sendable {
        var name: String
        var value: @Sendable (SearchScore) -> Double
    }

    struct Comparison: Sendable {
        var name: String
        var against: String
        var measure: String
        var test: PairedTest

        func write(_ output: Output) {
            let (low, high) = (test.interval.lowerBound, test.interval.upperBound)
            let mark = test.isSignificant ? " *" : ""
            let line =
                "\(name) against \(against), \(measure): \(signed(test.difference)) (95 %: \(signed(low)) to \(signed(high)), p \(shown(test.probability)))\(mark)"
            output.item("comparison", line.printable) { json in
                json.field("name", name)
                json.field("against", against)
                json.field("measure", measure)
                for (key, value) in [
                    ("difference", test.difference), ("low", low), ("high", high), ("p", test.probability),
                ] {
                    json.key(key)
                    json.number(rounded(value))
                }
                json.field("significant", test.isSignificant)
            }
        }
    }

    var measures: [Measure] {
        [
            Measure(name: Self.ndcg) { $0.ndcg }, Measure(name: "recall@\(limit)") { $0.recall },
            Measure(name: "MRR") { $0.reciprocalRank },
        ]
            + budgets.enumerated().map { place, budget in
                Measure(name: "recall in \(budget) tokens") { $0.budgets[place] }
            }
    }

    func write(_ run: EvaluationRun, _ variant: EvaluationVariant, _ output: Output) {
        let (median, late) = (run.percentile(50), run.percentile(95))
        let figures = measures.map { "\($0.name) \(shown(run.mean($0.value)))" }.joined(separator: ", ")
        let line =
            "\(run.name), \(run.results.count) questions: \(figures); median \(Int(median * 1000)) ms, 95 % within \(Int(late * 1000)) ms"
        output.item("evaluation", line.printable) { json in
            json.field("name", run.name)
            json.field("index", run.index)
            json.field("questions", run.results.count)
            json.field("mode", variant.mode.rawValue)
            json.field("limit", limit)
            for (name, measure) in zip(["ndcg_at_10", "recall", "mrr"], measures) {
                json.key(name)
                json.number(rounded(run.mean(measure.value)))
            }
            json.field("budgets", budgets)
            json.key("recall_in_budgets")
            json.array { list in for measure in measures.dropFirst(3) { list.number(rounded(run.mean(measure.value))) }
            }
            json.field("median_ms", Int(median * 1000))
            json.field("p95_ms", Int(late * 1000))
        }
    }

    /// Over the questions that both have.
    func comparisons(_ run: EvaluationRun, against base: EvaluationRun) -> [Comparison] {
        let theirs = Dictionary(base.results.map { ($0.id, $0.score) }) { first, _ in first }
        let pairs = run.results.compactMap { result in theirs[result.id].map { ($0, result.score) } }
        let both = pairs.filter { $0.0.budgets.count == $0.1.budgets.count }
        guard !both.isEmpty else { return [] }
        return measures.map { measure in
            let values = both.map { (first: measure.value($0.0), second: measure.value($0.1)) }
            let test = PairedTest(values, random: RandomSource.seeded(Self.seed))
            return Comparison(name: run.name, against: base.name, measure: measure.name, test: test)
        }
    }

    /// The 95 % interval of a run's mean.
    func interval(_ run: EvaluationRun, _ measure: Measure) -> ClosedRange<Double> {
        PairedTest.interval(run.results.map { measure.value($0.score) }, random: RandomSource.seeded(Self.seed))
    }
}

private func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }

func shown(_ value: Double) -> String { "\(rounded(value))" }

func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + shown(value) }
