/// What `--check` found: a line for each thing that a program needs.
package struct CheckReport: Sendable {
    package private(set) var text = ""
    package private(set) var isHealthy = true

    package init() {}

    package mutating func item(_ name: String, _ detail: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            text += "ok    \(name): \(detail)\n"
        } catch {
            isHealthy = false
            text += "FAIL  \(name): \(Failure(error).summary)\n"
        }
    }

    /// - Parameter isSource: it is received from, so that it needs a dead-letter queue.
    package mutating func queue(_ queue: SQSQueue, _ name: String, isSource: Bool = true) async {
        var warnings: [String] = []
        await item(name, queue.url) {
            let attributes = try await queue.attributes()
            warnings = attributes.warnings
            guard isSource else { return }
            guard let redrive = attributes.redrive else {
                throw Failure.fleet(
                    "\(queue.url) has no RedrivePolicy: documents that cannot be indexed need a dead-letter queue"
                )
            }
            let deadLetters = try await queue.sibling(arn: redrive.deadLetterARN).attributes()
            warnings += attributes.warnings(deadLetters: deadLetters)
        }
        for warning in warnings { text += "warn  \(name): \(warning)\n" }
    }

    package mutating func openSearch(_ client: OpenSearchClient, _ common: CommonConfiguration) async {
        await item("OPENSEARCH_URL", "\(client.endpoint)") { _ = try await client.cluster(names: common.names) }
        await item("OPENSEARCH_INDEX", "\(common.names.chunks), read as \(common.names.alias)") {
            try await IndexSetup(client: client, names: common.names).verify(dimensions: common.dimensions)
        }
    }
}
