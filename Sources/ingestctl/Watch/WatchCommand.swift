import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl watch`.
struct WatchCommand: Command {
    static let declaration = CommandDeclaration(
        name: "watch",
        summary: "show queues, ages, rates, what is being worked on, pauses, tokens and cost, all the time",
        settings: [CommandContext.pipelineSetting.declaration, interval.declaration, samples.declaration]
            + [Settings.price.declaration],
        example: "watch --interval 5",
        json: [
            "sample":
                "time index queues live pending oldestSeconds? messagesPerSecond documentsPerSecond rejectionsPerSecond tokensPerHour dollarsPerHour? workers"
        ]
    )

    private static let interval = Setting.number("INTERVAL", "s", "seconds between looks", default: 3, in: 1...3600)
        .asFlagOnly
    private static let samples = Setting.number(
        "SAMPLES",
        "n",
        "end after so many looks",
        defaultText: "never",
        in: 1...1_000_000
    ).asFlagOnly
    private let interval: Int
    private let samples: Int?
    private let prices: EmbeddingPrices

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        interval = reader.read(Self.interval)
        samples = reader.read(Self.samples)
        prices = EmbeddingPrices(&reader)
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipeline = try await context.pipeline()
        let dollars = prices[pipeline.settings["EMBEDDING_MODEL"] ?? ""]
        let isTerminal = Program.isOutputTerminal && !context.output.isJSON
        var last: FleetSample?
        var count = 0
        while true {
            let sample = try await FleetSample.read(pipeline, context)
            let rates = last.map { FleetRates(from: $0, to: sample) } ?? FleetRates()
            let screen = FleetScreen(sample, rates, dollars)
            // The cursor goes to the top, and what was below is cleared.
            if isTerminal { context.output.program.print("\u{1B}[H\u{1B}[2J") }
            context.output.item("sample", screen.text) { screen.write(into: &$0) }
            last = sample
            count += 1
            if count == samples { return .success }
            try await context.services.time.sleep(for: .seconds(interval))
        }
    }
}

/// A sample for a person and as JSON.
struct FleetScreen: Sendable {
    private let sample: FleetSample
    private let rates: FleetRates
    private let price: EmbeddingPrice?
    private static let longestList = 15

    init(_ sample: FleetSample, _ rates: FleetRates, _ price: EmbeddingPrice?) {
        self.sample = sample
        self.rates = rates
        self.price = price
    }

    var tokensPerHour: Int { Int(rates.tokens * 3600) }
    var dollarsPerHour: Double? { price?.dollars(tokens: tokensPerHour) }

    private static func rounded(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(String(hundredths % 100 + 100).dropFirst())"
    }

    var text: String {
        var lines = ["\(sample.pipeline.index)  \(sample.pipeline.state.rawValue)  \(sample.time.iso8601)"]
        for queue in sample.queues {
            func number(_ value: Int?) -> String { value.map(String.init) ?? "?" }
            lines.append(
                "\(queue.name)  waiting \(number(queue.waiting)), in flight \(number(queue.inFlight)), delayed \(number(queue.delayed)), dead letters \(number(queue.dead))"
            )
        }
        let oldest = sample.oldest.map { "\(Int($0.seconds)) s" } ?? "nothing"
        lines.append("documents  live \(sample.counts.live), on their way \(sample.counts.pending), oldest \(oldest)")
        lines.append(
            "rates  \(Self.rounded(rates.received)) messages/s, \(Self.rounded(rates.indexed)) documents/s, \(Self.rounded(rates.rejected)) rejections/s"
        )
        let cost = dollarsPerHour.map { ", about $\(Self.rounded($0)) an hour" } ?? ""
        lines.append("embeddings  \(tokensPerHour) tokens an hour\(cost)\(limiter)")
        for worker in sample.workers {
            let pauses = worker.paused.isEmpty ? "" : "  PAUSED: \(worker.paused.joined(separator: "; "))"
            lines.append("\(worker.kind)  \(worker.host)  \(worker.jobs.count) messages\(pauses)")
        }
        if sample.workers.isEmpty { lines.append("no worker of this pipeline runs") }
        for (worker, job) in sample.jobs.prefix(Self.longestList) {
            lines.append("  \(Int(sample.time.duration(since: job.since).seconds)) s  \(worker.kind)  \(job.objects)")
        }
        return lines.map(\.oneLine).joined(separator: "\n")
    }

    private var limiter: String {
        let limits = sample.workers.compactMap { $0.metrics["embedding_requests_limit"] }
        guard !limits.isEmpty else { return "" }
        let inFlight = sample.workers.reduce(0) { $0 + ($1.metrics["embedding_requests_in_flight"] ?? 0) }
        return ", \(inFlight) of \(limits.reduce(0, +)) requests in flight"
    }

    func write(into json: inout JSONWriter) {
        json.field("time", sample.time.iso8601)
        json.field("index", sample.pipeline.index)
        json.object("queues") { queues in
            for queue in sample.queues {
                queues.object(queue.name) { fields in
                    for (name, value) in [
                        ("waiting", queue.waiting), ("inFlight", queue.inFlight), ("delayed", queue.delayed),
                        ("deadLetters", queue.dead),
                    ] {
                        if let value { fields.field(name, value) }
                    }
                }
            }
        }
        json.field("live", sample.counts.live)
        json.field("pending", sample.counts.pending)
        if let oldest = sample.oldest { json.field("oldestSeconds", Int(oldest.seconds)) }
        for (name, rate) in [
            ("messagesPerSecond", rates.received), ("documentsPerSecond", rates.indexed),
            ("rejectionsPerSecond", rates.rejected),
        ] {
            json.key(name)
            json.number(rate)
        }
        json.field("tokensPerHour", tokensPerHour)
        if let dollarsPerHour {
            json.key("dollarsPerHour")
            json.number(dollarsPerHour)
        }
        json.key("workers")
        json.array { workers in
            for worker in sample.workers {
                workers.object {
                    $0.field("kind", worker.kind)
                    $0.field("host", worker.host)
                    $0.field("messages", worker.jobs.count)
                    $0.field("paused", worker.paused)
                }
            }
        }
    }
}
