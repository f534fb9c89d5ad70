import CommandLineOptions
import FoundationEssentials
import HTTPTransport
import IngestCore
import OpenSearch
import Resilience
import TextCoding

/// `ingestctl grant`: maps IAM roles in a domain with fine-grained access (OpenSearch Security, "Access control: API").
struct GrantCommand: Command {
    static let declaration = CommandDeclaration(
        name: "grant",
        summary: "let IAM roles use the fleet's indexes in a domain with fine-grained access; run as its master user",
        operands: "ROLE_ARN...",
        operandCount: 1...20,
        example: "grant arn:aws:iam::111122223333:role/papers-main-embed-worker",
        json: ["granted": "role arns"]
    )

    private static let role = "ingest-fleet"
    private static let api = "/_plugins/_security/api"
    private let arns: [String]

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        arns = operands
        for arn in operands where !Self.isRole(arn) {
            reader.usage("no ARN of an IAM role: \"\(arn.printable)\" (arn:aws:iam::111122223333:role/name)")
        }
    }

    private static func isRole(_ arn: String) -> Bool {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5].hasPrefix("role/")
            && parts[4].count == 12 && parts[4].utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let client = context.services.openSearch
        let patterns = ["\(context.common.names.alias)*", "ingest-fleet-*"]
        let role = JSONWriter.object { json in
            json.field("cluster_permissions", Self.clusterPermissions)
            json.key("index_permissions")
            json.array { all in
                all.object {
                    $0.field("index_patterns", patterns)
                    $0.field("allowed_actions", ["indices_all"])
                }
            }
        }
        _ = try await client.send("PUT", "\(Self.api)/roles/\(Self.role)", body: role)
        let known = try await mapped(client)
        let all = Set(known).union(arns).sorted()
        let mapping = JSONWriter.object { $0.field("backend_roles", all) }
        _ = try await client.send("PUT", "\(Self.api)/rolesmapping/\(Self.role)", body: mapping)
        context.output.item("granted", "\(Self.role) is the role of \(all.joined(separator: ", "))") {
            $0.field("role", Self.role)
            $0.field("arns", all)
        }
        return .success
    }

    /// Templates, search pipelines and the cluster's version are not of one index.
    private static let clusterPermissions = [
        "cluster_monitor", "cluster_composite_ops", "cluster_manage_index_templates",
        "cluster:admin/search/pipeline/get",
        "cluster:admin/search/pipeline/put", "indices:data/read/scroll*",
    ]

    private struct Mapping: Decodable { var backend_roles: [String]? }

    /// Roles that were mapped before stay.
    private func mapped(_ client: OpenSearchClient) async throws -> [String] {
        let response = try await client.send("GET", "\(Self.api)/rolesmapping/\(Self.role)", accepting: [404])
        guard response.status != 404 else { return [] }
        return try client.decode([String: Mapping].self, response)[Self.role]?.backend_roles ?? []
    }
}
