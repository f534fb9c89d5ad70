import AsyncPrimitives
import IngestCore

/// Queues, workers and what they do: figures of now, and graphs of the last hour.
struct FleetPage: Sendable {
    private let pages: WebPages

    init(_ pages: WebPages) { self.pages = pages }

    func content(_ history: (samples: [FleetSample], problem: String?)) -> HTML {
        let problem: HTML = history.problem.map { "<p class=\"warn\" role=\"alert\">\($0)</p>" } ?? ""
        guard let now = history.samples.last else {
            return "<h1>Fleet</h1>" + problem
                + "<p role=\"status\">The first look is not over yet: load the page again.</p>"
        }
        let rates =
            history.samples.count > 1
            ? FleetRates(from: history.samples[history.samples.count - 2], to: now) : FleetRates()
        let screen = FleetScreen(now, rates, pages.price)
        let figures: HTML = """
            <h1>Fleet</h1>\(problem)<p>As of \(now.time.iso8601). <a href="/fleet">Load again</a></p>
            <h2>Queues</h2><div class="scroll" tabindex="0" role="region" aria-label="Table of queues"><table><thead><tr><th scope="col">Queue</th><th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">In flight</th><th scope="col" class="number">Delayed</th><th scope="col" class="number">Dead letters</th></tr></thead>
            <tbody>\(now.queues.map(row))</tbody></table></div>
            <h2>Documents</h2><dl><dt>Live</dt><dd>\(now.counts.live)</dd><dt>On their way</dt><dd>\(now.counts.pending)</dd>
            <dt>Oldest</dt><dd>\(now.oldest.map { "\(Int($0.seconds)) s" } ?? "nothing waits")</dd>
            <dt>Tokens an hour</dt><dd>\(screen.tokensPerHour)</dd>\(cost(screen))</dl>
            <h2>Workers</h2>\(workers(now))
            """
        return figures + "<h2>Last hour</h2><div class=\"graphs\">\(graphs(history.samples))</div>"
    }

    private func cost(_ screen: FleetScreen) -> HTML {
        guard let dollars = screen.dollarsPerHour else { return "" }
        let cents = Int((dollars * 100).rounded())
        return
            "<dt>Cost an hour</dt><dd>about $\(cents / 100).\(String(cents % 100 + 100).dropFirst().description)</dd>"
    }

    private func row(_ queue: FleetSample.Queue) -> HTML {
        let cells = [queue.waiting, queue.inFlight, queue.delayed, queue.dead].map { value -> HTML in
            "<td class=\"number\">\(value.map(String.init) ?? "?")</td>"
        }
        return "<tr><th scope=\"row\">\(queue.name)</th>\(cells)</tr>"
    }

    private func workers(_ sample: FleetSample) -> HTML {
        guard !sample.workers.isEmpty else { return "<p class=\"warn\">No worker of this pipeline runs.</p>" }
        let rows = sample.workers.map { worker -> HTML in
            let jobs = worker.jobs.prefix(5).map { job -> HTML in
                "<li>\(Int(sample.time.duration(since: job.since).seconds)) s: <bdi>\(job.objects)</bdi></li>"
            }
            let list: HTML = jobs.isEmpty ? "nothing" : "<ul>\(Array(jobs))</ul>"
            let paused = worker.paused.joined(separator: "; ")
            return """
                <tr><th scope="row">\(worker.kind)</th><td><bdi>\(worker.host)</bdi></td><td>\(list)</td><td>\(paused.isEmpty ? "no" : paused)</td></tr>
                """
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="Table of workers"><table><thead><tr><th scope="col">Worker</th><th scope="col">Host</th><th scope="col">Works on</th><th scope="col">Paused</th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private func graphs(_ samples: [FleetSample]) -> [HTML] {
        let pairs = zip(samples, samples.dropFirst()).map { FleetRates(from: $0, to: $1) }
        return [
            Graph("Events that wait", samples.map { Double($0.queues.first?.waiting ?? 0) }).figure,
            Graph("Chunk messages that wait", samples.map { Double($0.queues.last?.waiting ?? 0) }).figure,
            Graph("Live documents", samples.map { Double($0.counts.live) }).figure,
            Graph("Documents indexed a second", pairs.map(\.indexed)).figure,
            Graph("Tokens embedded a second", pairs.map(\.tokens)).figure,
            Graph("Rejections a second", pairs.map(\.rejected)).figure,
        ]
    }
}

/// A line over time, as SVG.
struct Graph {
    private let name: String
    private let values: [Double]
    private static let (width, height) = (600.0, 120.0)

    init(_ name: String, _ values: [Double]) {
        self.name = name
        self.values = values
    }

    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    var figure: HTML {
        let most = max(values.max() ?? 0, 1)
        let step = Self.width / Double(max(1, values.count - 1))
        let points = values.enumerated().map { place, value in
            "\(Self.number(Double(place) * step)),\(Self.number(Self.height - value / most * Self.height))"
        }.joined(separator: " ")
        let last = Self.number(values.last ?? 0)
        return """
            <figure><figcaption>\(name): \(last), at most \(Self.number(values.max() ?? 0))</figcaption>
            <svg viewBox="0 0 600 120" preserveAspectRatio="none" role="img" aria-label="\(name) over time, now \(last)">
            <line x1="0" y1="120" x2="600" y2="120"></line><polyline points="\(points)"></polyline></svg></figure>
            """
    }
}
