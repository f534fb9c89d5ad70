import OpenSearch
import Resilience
import TextCoding

/// What `--check` found: a line for each thing that a program needs.
package struct CheckReport: Sendable {
    package private(set) var text = ""
    package private(set) var isHealthy = true

    package init() {}

    package mutating func item(_ name: String, _ detail: String, _ body: () async throws -> Void) async {
        await value(name) {
            try await body()
            return detail
        }
    }

    /// As `item`, with a detail that is found out.
    package mutating func value(_ name: String, _ body: () async throws -> String) async {
        do {
            text += "ok    \(name): \(try await body().printable)\n"
        } catch {
            fail(name, Failure(error).summary)
        }
    }

    package mutating func fail(_ name: String, _ problem: String) {
        isHealthy = false
        text += "FAIL  \(name): \(problem.printable)\n"
    }

    package mutating func warn(_ name: String, _ problem: String) { text += "warn  \(name): \(problem.printable)\n" }

    /// A queue that is sent to only: the role must be allowed to.
    package mutating func sending(_ queue: SQSQueue, _ name: String, _ body: String) async {
        await item(name, queue.url) { try await queue.probeSend(body) }
    }

    /// The chunk queue must not be the one that S3 sends to.
    package mutating func notNotified(_ queue: SQSQueue, _ name: String) async {
        guard let attributes = try? await queue.attributes(), !attributes.notifyingBuckets.isEmpty else { return }
        fail(name, "the queue's policy lets S3 send to it: are INGEST_QUEUE_URL and CHUNK_QUEUE_URL swapped?")
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
        for warning in warnings { text += "warn  \(name): \(warning.printable)\n" }
    }

    package mutating func openSearch(_ client: OpenSearchClient, _ common: CommonConfiguration) async {
        await item("OPENSEARCH_URL", "\(client.endpoint)") {
            _ = try await client.cluster(searching: common.names.pattern)
        }
        await item("OPENSEARCH_INDEX", "\(common.names.chunks), read as \(common.names.alias)") {
            try await IndexSetup(client: client, names: common.names).verify(dimensions: common.dimensions)
        }
    }
}
