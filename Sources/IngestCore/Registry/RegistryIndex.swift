import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// One of the small indexes that the fleet keeps beside its documents': one shard, and only what is searched for is indexed.
struct RegistryIndex {
    let name: String
    /// Type by field.
    let fields: [String: String]

    /// Makes it where there is none.
    func create(_ client: OpenSearchClient, replicas: Int) async throws {
        let body = JSONWriter.object { json in
            json.object("settings") {
                $0.field("index.number_of_shards", 1)
                $0.field("index.number_of_replicas", replicas)
            }
            json.object("mappings") { mapping in
                mapping.field("dynamic", false)
                mapping.object("properties") { properties in
                    for (field, type) in fields.sorted(by: { $0.key < $1.key }) {
                        properties.object(field) { $0.field("type", type) }
                    }
                }
            }
        }
        _ = try await client.createIndex(name, body: body)
    }
}

extension OpenSearchClient {
    /// False where the index is there already.
    func createIndex(_ name: String, body: [UInt8]) async throws -> Bool {
        let exists = try await send("HEAD", "/\(name)", accepting: [404])
        if exists.isSuccess { return false }
        let response = try await send("PUT", "/\(name)", body: body, accepting: [400])
        if response.isSuccess { return true }
        let error = OpenSearchError(method: "PUT", path: "/\(name)", response: response)
        if error.type == "resource_already_exists_exception" { return false }
        throw Failure.fleet(error.description)
    }
}
