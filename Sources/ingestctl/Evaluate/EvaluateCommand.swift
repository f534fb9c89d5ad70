import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Observability
import Resilience
import TextCoding

/// `ingestctl evaluate`: how well the search finds what is known to be right.
struct EvaluateCommand: Command {
    static let limit = Setting.number("LIMIT", "n", "hits that count for recall", default: 10, in: 1...100).asFlagOnly
    static let least = Setting.text(
        "LEAST_NDCG",
        "share",
        "end with exit code 1 where nDCG@10 is below this, 0 to 1",
        default: "0"
    ).asFlagOnly
    private static let emf = Setting.toggle("EMF", "print the figures in CloudWatch's embedded metric format as well")
        .asFlagOnly
    static let judgements = Setting.text(
        "QRELS",
        "file",
        "judgements of TREC or BEIR; QUESTIONS is then TREC topics, BEIR JSON lines, or lines of an id, a tab and the question. A judged name is a document's URI, key, or file name with or without its ending",
        default: ""
    ).asFlagOnly
    private static let budgets = Setting.text(
        "BUDGETS",
        "tokens,…",
        "recall in the first hits that have so many tokens together",
        default: "1000,2000"
    ).asFlagOnly
    private static let against = Setting.text(
        "AGAINST",
        "variant;…",
        "other ways to search, each with a paired test: mode=text, join=rrf, weight=70, depth=50, index=b6cc25488bf0, or several with commas",
        default: ""
    ).asFlagOnly
    private static let baseline = Setting.text(
        "BASELINE",
        "file",
        "a run that was saved: tested against this one; exit code 1 where this one is significantly worse",
        default: ""
    ).asFlagOnly
    private static let save = Setting.text(
        "SAVE",
        "file",
        "write the run as JSON lines: a file, or s3://bucket/key",
        default: ""
    ).asFlagOnly
    private static let report = Setting.text("REPORT", "file", "write a report with plots: a file of HTML", default: "")
        .asFlagOnly

    static let declaration = CommandDeclaration(
        name: "evaluate",
        summary: "ask questions whose right answers are known, and print how well the search finds them",
        operands: "QUESTIONS",
        operandCount: 1...1,
        settings: Settings.embeddings
            + [
                CommandContext.pipelineSetting.declaration, SearchOptions.modeSetting.declaration, limit.declaration,
                Settings.depth.declaration, budgets.declaration,
                judgements.declaration, against.declaration, baseline.declaration, save.declaration, report.declaration,
                least.declaration, emf.declaration, Settings.queryPrefix.declaration, Settings.deployment.declaration,
            ] + Settings.joining,
        example: "evaluate questions.jsonl --against mode=text;mode=vector --report report.html",
        finding: "nDCG@10 is below --least-ndcg, or the run is significantly worse than --baseline",
        json: [
            "evaluation":
                "name index questions mode limit ndcg_at_10 recall mrr budgets recall_in_budgets median_ms p95_ms",
            "comparison": "name against measure difference low high p significant",
        ]
    )

    private let source: String
    private let judged: String?
    private let base: EvaluationVariant
    private let variants: [EvaluationVariant]
    private let (limit, budgetList): (Int, [Int])
    private let leastNDCG: Double
    private let files: (baseline: String, save: String, report: String)
    private let (printsMetrics, deployment): (Bool, String)
    private let embeddings: EmbeddingsConfiguration

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        source = operands.first ?? ""
        let judgements = reader.read(Self.judgements)
        judged = judgements.isEmpty ? nil : judgements
        let mode = ChunkSearch.Mode(rawValue: reader.read(SearchOptions.modeSetting)) ?? .hybrid
        let pipeline = reader.read(CommandContext.pipelineSetting)
        let base = EvaluationVariant(
            mode: mode,
            join: SearchJoin(&reader),
            depth: reader.read(Settings.depth),
            pipeline: pipeline
        )
        self.base = base
        variants = reader.read(Self.against).split(separator: ";").compactMap { text in
            let variant = EvaluationVariant(String(text), like: base)
            if variant == nil {
                reader.usage("--against has no variant such as mode=text or join=rrf: \"\(String(text).printable)\"")
            }
            return variant
        }
        limit = reader.read(Self.limit)
        budgetList = Self.list(&reader)
        leastNDCG = Self.share(&reader)
        files = (reader.read(Self.baseline), reader.read(Self.save), reader.read(Self.report))
        (printsMetrics, deployment) = (reader.read(Self.emf), reader.read(Settings.deployment))
        embeddings = EmbeddingsConfiguration(ofQuestions: &reader, common)
    }

    static func share(_ reader: inout SettingsReader) -> Double {
        let share = Double(reader.read(Self.least)) ?? -1
        if !(0...1).contains(share) { reader.usage("--least-ndcg is not a number from 0 to 1") }
        return share
    }

    private static func list(_ reader: inout SettingsReader) -> [Int] {
        let parts = reader.read(budgets).split(separator: ",").map { Int($0.trimmed) }
        let found = parts.compactMap(\.self).filter { (1...1_000_000).contains($0) }
        if found.count != parts.count { reader.usage("--budgets are not numbers of tokens, such as 1000,2000") }
        return found.sorted()
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let stored = files.baseline.isEmpty ? nil : try await EvaluationStore.read(files.baseline, context)
        let questions = try await EvaluationFile.questions(source, judgements: judged, context)
        var runs: [EvaluationRun] = []
        for variant in [base] + variants {
            runs.append(
                try await EvaluationRun(variant, questions, limit: limit, budgets: budgetList, embeddings, context)
            )
        }
        let figures = EvaluationFigures(limit: limit, budgets: budgetList)
        for (run, variant) in zip(runs, [base] + variants) { figures.write(run, variant, context.output) }
        var comparisons = runs.dropFirst().flatMap { figures.comparisons($0, against: runs[0]) }
        var isWorse = false
        if let stored {
            let against = figures.comparisons(runs[0], against: stored)
            guard !against.isEmpty else { throw Failure.fleet("\(files.baseline) has none of these questions") }
            isWorse = against.contains { $0.measure == EvaluationFigures.ndcg && $0.test.interval.upperBound < 0 }
            comparisons += against
        }
        for comparison in comparisons { comparison.write(context.output) }
        if !files.save.isEmpty { try await EvaluationStore.write(runs[0], to: files.save, context) }
        if !files.report.isEmpty {
            let page = EvaluationPage(figures: figures, runs: runs, comparisons: comparisons)
            try LineWriter(files.report, from: 0).write(Array(page.html.source.utf8))
            context.output.note("the report is in \(files.report)")
        }
        if printsMetrics { write(metrics: runs[0], context) }
        return runs[0].mean(\.ndcg) < leastNDCG || isWorse ? .finding : .success
    }

    private func write(metrics run: EvaluationRun, _ context: CommandContext) {
        let values = [
            ("ingest_evaluation_ndcg_ratio", run.mean(\.ndcg)), ("ingest_evaluation_recall_ratio", run.mean(\.recall)),
            ("ingest_evaluation_mrr_ratio", run.mean(\.reciprocalRank)),
            ("ingest_evaluation_latency_seconds", run.percentile(50)),
        ]
        let pipeline = deployment.isEmpty ? context.common.names.chunks : deployment
        let now = context.services.time.now
        let bytes = EmbeddedMetrics.line(values, service: "ingestctl", pipeline: pipeline, at: now)
        context.output.program.print(String(decoding: bytes, as: UTF8.self))
    }
}
