import IngestCore
import TextCoding

/// What an index must find before readers see it.
struct EvaluationGate: Sendable {
    let source: String
    let judgements: String?
    let least: Double
    let embeddings: EmbeddingsConfiguration

    /// Why readers should not see the pipeline's index in place of those that they see.
    func problems(_ pipeline: PipelineRecord, _ readers: [String], _ context: CommandContext) async throws -> [String] {
        let questions = try await EvaluationFile.questions(source, judgements: judgements, context)
        let figures = EvaluationFigures(limit: 10, budgets: [])
        func run(_ index: String) async throws -> EvaluationRun {
            let base = EvaluationVariant(
                mode: .hybrid,
                join: nil,
                depth: ChunkSearch.Question.defaultDepth,
                pipeline: index
            )
            return try await EvaluationRun(base, questions, limit: 10, budgets: [], embeddings, context)
        }
        let ours = try await run(pipeline.index)
        var problems: [String] = []
        if ours.mean(\.ndcg) < least {
            problems.append(
                "nDCG@10 of \(questions.count) questions is \(shown(ours.mean(\.ndcg))), below \(shown(least)) (--least-ndcg)"
            )
        }
        for index in readers {
            let test = figures.comparisons(ours, against: try await run(index)).first?.test
            guard let test, test.interval.upperBound < 0 else { continue }
            problems.append(
                "nDCG@10 is \(shown(-test.difference)) below that of \(index), which readers see (95 %: \(signed(test.interval.lowerBound)) to \(signed(test.interval.upperBound)))"
            )
        }
        return problems
    }
}
