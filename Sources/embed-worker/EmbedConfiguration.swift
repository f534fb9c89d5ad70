import CommandLineOptions
import IngestCore

/// All settings of `embed-worker`, read once.
struct EmbedConfiguration: WorkerSettings {
    var common: CommonConfiguration
    var worker: WorkerConfiguration
    var embeddings: EmbeddingsConfiguration
    var budget: BudgetConfiguration
    var pipeline: EmbedSettings
    var requests: Int
    var batchInputs: Int
    var batchTokens: Int
    var bulkBytes: Int
    var batchWait: Duration

    static let declarations = Settings.worker + Settings.common + Settings.embed + Settings.information

    init(_ reader: inout SettingsReader) {
        common = CommonConfiguration(&reader)
        worker = WorkerConfiguration(&reader)
        embeddings = EmbeddingsConfiguration(&reader, common, prefix: common.documentPrefix, purpose: .document)
        budget = BudgetConfiguration(&reader, embeddings.provider)
        requests = reader.read(Settings.embeddingRequests)
        batchInputs = reader.read(Settings.batchInputs)
        batchTokens = reader.read(Settings.batchTokens)
        bulkBytes = reader.read(Settings.bulkBytes)
        batchWait = .seconds(reader.read(Settings.batchWait))
        pipeline = EmbedSettings(
            indexName: common.names.chunks,
            dimensions: common.dimensions,
            stalenessBound: .seconds(reader.read(Settings.staleness)),
            sweepDelay: .seconds(reader.read(Settings.sweepDelay)),
            window: reader.read(Settings.embeddingWindow),
            concurrency: worker.concurrency,
            bufferBytes: reader.read(Settings.buffer) << 20
        )
        pipeline.reusesWithinTenant = reader.read(Settings.vectorReuse) == "tenant"
        pipeline.price = EmbeddingPrices(&reader)[common.model]
    }
}
