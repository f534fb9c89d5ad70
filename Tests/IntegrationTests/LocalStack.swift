import CommandLineOptions
import Foundation
import IngestCore
import Observability

/// Real protocol servers, started by Tests/run.py, which names them in the file INTEGRATION_STACK.
struct LocalStack: Decodable, Sendable {
    struct Node: Decodable, Sendable, CustomStringConvertible {
        var kind: String
        var url: String
        var engine: String
        var isEmbedded: Bool

        var description: String { kind }
    }

    var aws: String
    var bucket: String
    var handoff: String
    var events: String
    var nodes: [Node]

    static let shared: LocalStack? = {
        guard let path = ProcessInfo.processInfo.environment["INTEGRATION_STACK"] else { return nil }
        do {
            return try JSONDecoder().decode(LocalStack.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            fatalError("INTEGRATION_STACK names \(path), which cannot be read: \(error)")
        }
    }()

    static var nodes: [Node] { shared?.nodes ?? [] }
    static let skipReason = "INTEGRATION_STACK is not set: 'make test' starts the servers"

    /// Clients as the programs build them.
    func services(_ node: Node?) -> Services {
        let environment = ["AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": aws]
        var values = [
            "OPENSEARCH_URL": node?.url ?? "http://127.0.0.1:1", "OPENSEARCH_INDEX": "unused",
            "EMBEDDING_DIMENSIONS": "4",
        ]
        values["AWS_REGION"] = "us-east-1"
        var reader = SettingsReader(values)
        return Services(CommonConfiguration(&reader), environment: environment, label: "test", sink: Silence())
    }

    private struct Silence: LogSink {
        func write(_ line: LogLine) {}
    }
}

extension LocalStack.Node {
    /// Names that no other test uses, with index and ledger made.
    func names(_ services: Services, _ alias: String) async throws -> IndexNames {
        let fingerprint = PipelineFingerprint(
            chunking: ChunkingSettings(tokens: 16, overlap: 0),
            tokenizer: "x",
            model: "m",
            dimensions: 4
        )
        let names = IndexNames(
            alias: "\(alias)-\(String(UInt32.random(in: 0 ... .max), radix: 16))",
            fingerprint: fingerprint
        )
        let mapping = IndexMapping(dimensions: 4, engine: IndexMapping.Engine(rawValue: engine) ?? .lucene, replicas: 0)
        _ = try await IndexSetup(client: services.openSearch, names: names).run(mapping)
        return names
    }
}
