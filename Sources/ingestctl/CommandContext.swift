import CommandLineOptions
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// What every command works with.
struct CommandContext: Sendable {
    let services: Services
    let common: CommonConfiguration
    let output: Output
    /// `--pipeline`; empty for the one of the settings in force.
    let pipelineName: String

    static let pipelineSetting = Setting.text(
        "PIPELINE",
        "index|fingerprint",
        "which pipeline ('ingestctl pipelines' lists them); default: the one of the settings, else the one that readers see",
        default: ""
    ).asFlagOnly

    /// OPENSEARCH_URL is set.
    let hasCluster: Bool

    var registry: PipelineRegistry { PipelineRegistry(client: services.openSearch) }
    var store: S3ObjectStore { services.objectStore() }

    /// The same about another pipeline.
    func of(_ pipelineName: String) -> CommandContext {
        CommandContext(
            services: services,
            common: common,
            output: output,
            pipelineName: pipelineName,
            hasCluster: hasCluster
        )
    }

    /// The registered pipeline that the command is about.
    func pipeline() async throws -> PipelineRecord {
        let all = try await registry.all().filter { $0.alias == common.names.alias }
        if !pipelineName.isEmpty {
            let found = all.filter { $0.index == pipelineName || $0.fingerprint.hasPrefix(pipelineName) }
            guard found.count == 1, let first = found.first else {
                throw Failure.fleet(
                    "--pipeline \(pipelineName) is \(found.isEmpty ? "no" : "more than one") pipeline of \(common.names.alias): 'ingestctl pipelines' lists them"
                )
            }
            return first
        }
        if let own = all.first(where: { $0.index == common.names.chunks }) { return own }
        if let live = all.first(where: { $0.state == .live }) {
            output.note("the pipeline of the settings is not registered; using \(live.index), which readers see")
            return live
        }
        throw Failure.fleet(
            "no pipeline of \(common.names.alias) is registered at \(services.openSearch.endpoint): run 'ingestctl setup'"
        )
    }

    /// Runs `body` beside the ledger's batches.
    func withLedger<Value: Sendable>(
        _ names: IndexNames,
        _ body: (OpenSearchLedger) async throws -> Value
    ) async throws -> Value {
        let ledger = services.ledger(names)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ledger.run() }
            defer { group.cancelAll() }
            return try await body(ledger)
        }
    }

    /// The pipeline's event queue.
    func events(_ pipeline: PipelineRecord) throws(Failure) -> SQSQueue {
        guard let queue = pipeline.events else {
            throw .fleet(
                "the pipeline \(pipeline.index) has no event queue yet: start its ingest-worker, or run 'ingestctl setup --ingest-queue-url URL'"
            )
        }
        return services.queue(queue.url)
    }

    /// Whose document an object is, by the pipeline's rules.
    func rules(_ pipeline: PipelineRecord) throws -> IngestSettings {
        var settings = IngestSettings(
            rules: try DocumentRules(parsing: pipeline.rules ?? "", tenant: pipeline.tenant ?? common.tenant),
            names: pipeline.names,
            handoffBucket: pipeline.handoffBucket ?? "",
            handoffPrefix: pipeline.handoffPrefix ?? ""
        )
        settings.metadata = MetadataSettings(registered: pipeline.settings)
        return settings
    }

    /// The buckets of the rules, and those that the ledger has documents of.
    func buckets(_ pipeline: PipelineRecord) async throws -> [String] {
        let walk = LedgerWalk(client: services.openSearch, names: pipeline.names)
        return Set(try rules(pipeline).rules.buckets).union(try await walk.buckets()).sorted()
    }
}

extension ObjectAddress {
    /// What is none goes into the reader.
    static func list(_ operands: [String], _ reader: inout SettingsReader) -> [ObjectAddress] {
        operands.compactMap { operand in
            let address = ObjectAddress(operand)
            if address == nil { reader.usage("not a valid s3://bucket/key: \"\(operand.printable)\"") }
            return address
        }
    }

    var asPrefix: ObjectAddress {
        var address = self
        address.isPrefix = true
        return address
    }
}
