import AsyncPrimitives
import CommandLineOptions
import FoundationEssentials
import IngestCore
import Observability
import OpenSearch
import Resilience
import TextCoding

/// `ingestctl evaluate`: how well the search finds what is known to be right.
struct EvaluateCommand: Command {
    static let modes = SearchOptions.modeSetting
    static let limit = Setting.number("LIMIT", "n", "hits that count for recall", default: 10, in: 1...100).asFlagOnly
    static let least = Setting.text(
        "LEAST_NDCG",
        "share",
        "end with exit code 1 where nDCG@10 is below this, 0 to 1",
        default: "0"
    ).asFlagOnly
    static let emf = Setting.toggle("EMF", "print the figures in CloudWatch's embedded metric format as well")
        .asFlagOnly

    static let declaration = CommandDeclaration(
        name: "evaluate",
        summary: "ask questions whose right documents are known, and print how well the search finds them",
        operands: "QUESTIONS",
        operandCount: 1...1,
        settings: Settings.embeddings
            + [
                modes.declaration, limit.declaration, least.declaration, emf.declaration,
                Settings.queryPrefix.declaration, Settings.deployment.declaration,
            ],
        example: "evaluate s3://papers-export/questions.jsonl",
        finding: "nDCG@10 is below --least-ndcg",
        json: ["evaluation": "questions mode limit ndcg_at_10 recall mrr median_ms p95_ms"]
    )

    private let source: String
    private let options: (mode: ChunkSearch.Mode, limit: Int, least: Double, emf: Bool, deployment: String)
    private let embeddings: EmbeddingsConfiguration

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        source = operands.first ?? ""
        let least = Double(reader.read(Self.least)) ?? -1
        if !(0...1).contains(least) { reader.usage("--least-ndcg is not a number from 0 to 1") }
        options = (
            ChunkSearch.Mode(rawValue: reader.read(Self.modes)) ?? .hybrid, reader.read(Self.limit), least,
            reader.read(Self.emf), reader.read(Settings.deployment)
        )
        embeddings = EmbeddingsConfiguration(&reader, common, prefix: reader.read(Settings.queryPrefix))
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let questions = try await EvaluationQuestion.read(source, context)
        let (services, names, time) = (context.services, context.common.names, context.services.time)
        let cluster = try await services.openSearch.cluster(searching: names.pattern)
        // One for all: what the provider takes is learned once.
        let embedder = embeddings.embedder(services, requests: 1)
        var scores: [SearchScore] = []
        var durations: [Double] = []
        try await context.withLedger(names) { ledger in
            let search = ChunkSearch(client: services.openSearch, names: names, ledger: ledger, cluster: cluster)
            for question in questions {
                let begun = time.uptime
                let vector =
                    options.mode == .text
                    ? [] : try await SearchCommand.vector(question.question, embedder)
                let request = ChunkSearch.Question(text: question.question, vector: vector, limit: options.limit)
                let hits = try await search.hits(request, mode: options.mode)
                durations.append((time.uptime - begun).seconds)
                scores.append(SearchScore(ranking: hits.map(\.object.description), grades: question.relevant))
            }
        }
        return report(scores, durations.sorted(), context)
    }

    private func report(_ scores: [SearchScore], _ durations: [Double], _ context: CommandContext) -> ExitStatus {
        func mean(_ value: (SearchScore) -> Double) -> Double { scores.map(value).reduce(0, +) / Double(scores.count) }
        let (ndcg, recall, mrr) = (mean(\.ndcg), mean(\.recall), mean(\.reciprocalRank))
        let (median, late) = (durations[durations.count / 2], durations[durations.count * 95 / 100])
        func shown(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
        let line =
            "\(scores.count) questions, \(options.mode.rawValue): nDCG@10 \(shown(ndcg)), recall@\(options.limit) \(shown(recall)), MRR \(shown(mrr)); median \(Int(median * 1000)) ms, 95 % within \(Int(late * 1000)) ms"
        context.output.item("evaluation", line) { json in
            json.field("questions", scores.count)
            json.field("mode", options.mode.rawValue)
            json.field("limit", options.limit)
            for (name, value) in [("ndcg_at_10", ndcg), ("recall", recall), ("mrr", mrr)] {
                json.key(name)
                json.number(shown(value))
            }
            json.field("median_ms", Int(median * 1000))
            json.field("p95_ms", Int(late * 1000))
        }
        if options.emf {
            let pipeline = options.deployment.isEmpty ? context.common.names.chunks : options.deployment
            let values = [
                ("ingest_evaluation_ndcg_ratio", ndcg), ("ingest_evaluation_recall_ratio", recall),
                ("ingest_evaluation_mrr_ratio", mrr), ("ingest_evaluation_latency_seconds", median),
            ]
            let bytes = EmbeddedMetrics.line(
                values,
                service: "ingestctl",
                pipeline: pipeline,
                at: context.services.time.now
            )
            context.output.program.print(String(decoding: bytes, as: UTF8.self))
        }
        return ndcg < options.least ? .finding : .success
    }
}

/// One line of the file: `{"question": "…", "relevant": ["s3://bucket/key", …]}`, or `"relevant": {"s3://bucket/key": 2}` with grades.
struct EvaluationQuestion: Decodable {
    var question: String
    var relevant: [String: Int]

    private enum CodingKeys: CodingKey { case question, relevant }
    private static let maximumBytes = 64 << 20

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        question = try fields.decode(String.self, forKey: .question)
        if let names = try? fields.decode([String].self, forKey: .relevant) {
            relevant = Dictionary(names.map { ($0, 1) }) { first, _ in first }
        } else {
            relevant = try fields.decode([String: Int].self, forKey: .relevant)
        }
        guard !question.trimmed.isEmpty, relevant.values.contains(where: { $0 > 0 }),
            relevant.values.allSatisfy({ (0...1000).contains($0) })
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "no question or nothing relevant")
            )
        }
    }

    static func read(_ source: String, _ context: CommandContext) async throws -> [EvaluationQuestion] {
        var questions: [EvaluationQuestion] = []
        for (number, line) in try await lines(source, context).enumerated() where line.contains(where: { $0 > 0x20 }) {
            guard let question = JSONLine.decode(EvaluationQuestion.self, line) else {
                throw Failure.fleet(
                    "line \(number + 1) of \(source) is no question: {\"question\": \"…\", \"relevant\": [\"s3://bucket/key\"]}"
                )
            }
            questions.append(question)
        }
        guard !questions.isEmpty else { throw Failure.fleet("\(source) has no questions") }
        return questions
    }

    /// Of an object or of a file.
    private static func lines(_ source: String, _ context: CommandContext) async throws -> [ArraySlice<UInt8>] {
        if let address = ObjectAddress(source) {
            let found = try await context.store.readBytes(address.writtenObject, maximum: maximumBytes)
            guard let found else { throw Failure.fleet("\(source) is not there") }
            return found.split(separator: 0x0A, omittingEmptySubsequences: false)
        }
        let reader = try LineReader(source)
        var lines: [ArraySlice<UInt8>] = []
        while let line = try reader.next() { lines.append(line) }
        return lines
    }
}
