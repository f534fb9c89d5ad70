import IngestCore

/// All settings of `embed-worker`, read once.
struct EmbedConfiguration: WorkerSettings {
    var common: CommonConfiguration
    var worker: WorkerConfiguration
    var embeddings: EmbeddingsConfiguration
    var requests: Int
    var batchInputs: Int
    var batchTokens: Int
    var bulkBytes: Int
    var staleness: Duration
    var tidyAfter: Duration

    static let declarations = Settings.worker + Settings.common + Settings.embed + Settings.information

    init(_ reader: inout SettingsReader) {
        common = CommonConfiguration(&reader)
        worker = WorkerConfiguration(&reader)
        embeddings = EmbeddingsConfiguration(&reader, common)
        requests = reader.read(Settings.embeddingRequests)
        batchInputs = reader.read(Settings.batchInputs)
        batchTokens = reader.read(Settings.batchTokens)
        bulkBytes = reader.read(Settings.bulkBytes)
        staleness = .seconds(reader.read(Settings.staleness))
        tidyAfter = .seconds(reader.read(Settings.tidyAfter))
    }
}
