import IngestCore
import TextCoding

/// A report of runs: one file of HTML without scripts, with a table and a plot of each measure.
struct EvaluationPage: Sendable {
    let figures: EvaluationFigures
    let runs: [EvaluationRun]
    let comparisons: [EvaluationFigures.Comparison]

    private static let (width, row, left) = (640, 26, 220)

    var html: HTML {
        let plots = figures.measures.map { plot($0) }
        return """
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Evaluation of search</title><style>
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2733; }
            table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #d5dde5 }
            td:first-child, th:first-child { text-align: left } .bar { fill: #3b6ea5 } .whisker { stroke: #1c2733; stroke-width: 1.5 } text { font-size: 13px }
            </style></head><body><h1>Evaluation of search</h1><p>\(runs.first?.results.count ?? 0) questions. Bars are means, whiskers 95 % intervals (bootstrap over questions).</p>
            \(table)\(tests)\(plots)</body></html>

            """
    }

    private var table: HTML {
        let heads = figures.measures.map { measure -> HTML in "<th scope=\"col\">\(measure.name)</th>" }
        let rows = runs.map { run -> HTML in
            let cells = figures.measures.map { measure -> HTML in "<td>\(shown(run.mean(measure.value)))</td>" }
            return
                "<tr><th scope=\"row\">\(run.name)<br><small>\(run.index)</small></th>\(cells)<td>\(Int(run.percentile(50) * 1000))</td><td>\(Int(run.percentile(95) * 1000))</td></tr>"
        }
        return
            "<table><tr><th scope=\"col\">run</th>\(heads)<th scope=\"col\">median ms</th><th scope=\"col\">95 % ms</th></tr>\(rows)</table>"
    }

    private var tests: HTML {
        guard !comparisons.isEmpty else { return "" }
        let rows = comparisons.map { comparison -> HTML in
            let test = comparison.test
            let interval = "\(signed(test.interval.lowerBound)) to \(signed(test.interval.upperBound))"
            let mark: HTML =
                test.isSignificant ? "<strong>\(signed(test.difference))</strong>" : "\(signed(test.difference))"
            return
                "<tr><th scope=\"row\">\(comparison.name) against \(comparison.against)</th><td>\(comparison.measure)</td><td>\(mark)</td><td>\(interval)</td><td>\(shown(test.probability))</td></tr>"
        }
        return
            "<h2>Paired tests</h2><table><tr><th scope=\"col\">runs</th><th scope=\"col\">measure</th><th scope=\"col\">difference</th><th scope=\"col\">95 %</th><th scope=\"col\">p</th></tr>\(rows)</table>"
    }

    private func plot(_ measure: EvaluationFigures.Measure) -> HTML {
        let bars = runs.enumerated().map { place, run -> HTML in
            let interval = figures.interval(run, measure)
            let y = place * Self.row
            let (end, low, high) = (x(run.mean(measure.value)), x(interval.lowerBound), x(interval.upperBound))
            return """
                <text x="\(Self.left - 8)" y="\(y + 17)" text-anchor="end">\(String(run.name.prefix(32)))</text>
                <rect class="bar" x="\(Self.left)" y="\(y + 4)" width="\(max(1, end - Self.left))" height="\(Self.row - 8)"><title>\(shown(run.mean(measure.value)))</title></rect>
                <line class="whisker" x1="\(low)" x2="\(high)" y1="\(y + Self.row / 2)" y2="\(y + Self.row / 2)"/>
                """
        }
        let height = runs.count * Self.row + 20
        let ticks = [0, 25, 50, 75, 100].map { percent -> HTML in
            "<text x=\"\(x(Double(percent) / 100))\" y=\"\(height - 4)\" text-anchor=\"middle\">\(shown(Double(percent) / 100))</text>"
        }
        return
            "<h2>\(measure.name)</h2><svg role=\"img\" aria-label=\"\(measure.name) of each run\" width=\"\(Self.width)\" height=\"\(height)\">\(bars)\(ticks)</svg>"
    }

    private func x(_ value: Double) -> Int {
        Self.left + Int((min(1, max(0, value)) * Double(Self.width - Self.left - 20)).rounded())
    }
}
