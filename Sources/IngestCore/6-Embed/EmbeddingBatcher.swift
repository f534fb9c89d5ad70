import AsyncPrimitives

/// Packs chunks of many documents into requests by count, tokens and age.
package struct EmbeddingBatcher: Sendable {
    /// The API's limits: 2,048 inputs and 300,000 tokens a request (openai-openapi, CreateEmbeddingRequest); a margin is kept,
    /// as the provider counts for itself.
    package static let maximumInputs = 2048
    package static let maximumTokens = 290_000

    private let queue: RequestBatcher<EmbeddingInput, Embedding>

    package init(
        _ embedder: any Embedder,
        inputs: Int = 256,
        tokens: Int = 100_000,
        linger: Duration = .milliseconds(20),
        concurrency: Int = 4,
        time: any TimeSource
    ) {
        let limits = RequestBatcher<EmbeddingInput, Embedding>.Limits(
            count: min(inputs, Self.maximumInputs),
            weight: min(tokens, Self.maximumTokens),
            currentWeight: { embedder.tokensOfRequest },
            linger: linger,
            concurrency: concurrency
        )
        queue = RequestBatcher(limits, time: time, weigh: \.tokens, turn: { ($0.lane.rank, $0.tenant) }) {
            await embedder.embed($0)
        }
    }

    /// Must be running for embeddings to finish.
    package func run() async { await queue.run() }

    /// What became of a document's texts, in their order; throws when the task is cancelled.
    package func embed(_ inputs: [EmbeddingInput]) async throws -> [Result<Embedding, any Error>] {
        try await queue.submit(contentsOf: inputs)
    }
}
