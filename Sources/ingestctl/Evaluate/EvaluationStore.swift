import AsyncPrimitives
import IngestCore
import Resilience
import TextCoding

/// A run as JSON lines: a head, then a line for each question with its measures and its hits, without their text.
enum EvaluationStore {
    private static let version = 1

    private struct Head: Decodable {
        var evaluation: Int
        var name: String
        var index: String
    }

    private struct Line: Decodable {
        var id: String
        var ndcg: Double
        var recall: Double
        var mrr: Double
        var budgets: [Double]
        var seconds: Double
    }

    static func write(_ run: EvaluationRun, to target: String, _ context: CommandContext) async throws {
        var lines = JSONWriter.object { json in
            json.field("evaluation", version)
            json.field("name", run.name)
            json.field("index", run.index)
            json.field("at", context.services.time.now.iso8601)
        }
        for result in run.results {
            lines.append(0x0A)
            lines += JSONWriter.object { json in
                json.field("id", result.id)
                let values = [
                    ("ndcg", result.score.ndcg), ("recall", result.score.recall), ("mrr", result.score.reciprocalRank),
                    ("seconds", result.seconds),
                ]
                for (name, value) in values {
                    json.key(name)
                    json.number(value)
                }
                json.key("budgets")
                json.array { list in for value in result.score.budgets { list.number(value) } }
                json.key("hits")
                json.array { list in
                    for hit in result.hits {
                        list.object {
                            $0.field("source", hit.object.description)
                            $0.field("chunk", hit.chunk)
                            $0.field("tokens", hit.tokens)
                            $0.key("score")
                            $0.number(hit.score)
                        }
                    }
                }
            }
        }
        lines.append(0x0A)
        if let address = ObjectAddress(target) {
            try await context.store.write(address.writtenObject, lines)
        } else {
            try LineWriter(target, from: 0).write(lines)
        }
        context.output.note("the run is in \(target)")
    }

    static func read(_ source: String, _ context: CommandContext) async throws -> EvaluationRun {
        let lines = try await EvaluationFile.lines(source, context).filter { !$0.isEmpty }
        guard let first = lines.first, let head = JSONLine.decode(Head.self, first), head.evaluation == version else {
            throw Failure.fleet("\(source) is no run that 'ingestctl evaluate --save' wrote")
        }
        let results = try lines.dropFirst().map { line in
            guard let read = JSONLine.decode(Line.self, line),
                ([read.ndcg, read.recall, read.mrr] + read.budgets).allSatisfy({ (0...1).contains($0) })
            else { throw Failure.fleet("\(source) is damaged: write it again with 'ingestctl evaluate --save'") }
            let score = SearchScore(
                ndcg: read.ndcg,
                recall: read.recall,
                reciprocalRank: read.mrr,
                budgets: read.budgets
            )
            return EvaluationRun.Result(id: read.id, score: score, seconds: read.seconds)
        }
        return EvaluationRun(name: "\(head.name) in \(source)", index: head.index, results: results)
    }
}
