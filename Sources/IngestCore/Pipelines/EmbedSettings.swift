/// The settings of the pipeline itself.
package struct EmbedSettings: Sendable {
    /// The physical index of this worker's settings.
    package var indexName: String
    package var dimensions: Int
    /// A version that will be superseded is skipped, unless readers have waited this long.
    package var stalenessBound: Duration
    /// How long after a redelivery chunks that were written too late are looked for.
    package var sweepDelay: Duration
    /// How long vectors that are paid for are retried in place.
    package var retryBudget: Duration
    /// Chunks that are embedded before they are written: what an interruption may cost.
    package var window: Int
    /// Messages that the worker holds at most.
    package var concurrency: Int
    /// Memory for chunks and vectors of all documents in flight, in bytes.
    package var bufferBytes: Int
    /// Nil where it is not known.
    package var price: EmbeddingPrice?
    /// Whether a text that another document of the tenant has takes that one's vector.
    package var reusesWithinTenant = false

    package init(
        indexName: String,
        dimensions: Int,
        stalenessBound: Duration = .seconds(300),
        sweepDelay: Duration = .seconds(900),
        retryBudget: Duration = .seconds(900),
        window: Int = 512,
        concurrency: Int = 8,
        bufferBytes: Int = 64 << 20
    ) {
        self.indexName = indexName
        self.dimensions = dimensions
        self.stalenessBound = stalenessBound
        self.sweepDelay = sweepDelay
        self.retryBudget = retryBudget
        self.window = window
        self.concurrency = concurrency
        self.bufferBytes = bufferBytes
    }

    /// The memory that a document takes, about: its chunks as they travel, and the vectors of two windows, as floats and in a request.
    func weight(chunks count: Int) -> Int {
        let windows = min(count, 2 * window)
        return count * Self.bytesOfChunk + windows * (dimensions * Self.bytesOfDimension + Self.bytesOfChunk * 2)
    }

    private static let bytesOfChunk = 1024
    /// Four for the float, six for its base64 in the provider's response, and a share of what is written out in a bulk.
    private static let bytesOfDimension = 12
}
