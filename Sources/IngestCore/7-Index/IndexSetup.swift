import FoundationEssentials
import HTTPTransport
import OpenSearch
import Resilience
import TextCoding

/// Makes and checks the indexes of a fleet. Every step may be repeated.
package struct IndexSetup: Sendable {
    package var client: OpenSearchClient
    package var names: IndexNames

    package init(client: OpenSearchClient, names: IndexNames) {
        self.client = client
        self.names = names
    }

    /// Makes what is missing; says what it did, line by line.
    package func run(_ mapping: IndexMapping) async throws -> [String] {
        var done: [String] = []
        let cluster = try await client.cluster(searching: names.pattern)
        done.append("OpenSearch \(cluster.version) at \(client.endpoint)")
        _ = try await client.send(
            "PUT",
            "/_index_template/\(names.template)",
            body: mapping.template(pattern: names.pattern)
        )
        done.append("index template \(names.template)")
        if try await create(names.chunks, body: Array("{}".utf8)) {
            done.append("index \(names.chunks) (\(mapping.dimensions) dimensions, engine \(mapping.engine.rawValue))")
        } else {
            done.append("index \(names.chunks) is there")
        }
        // One of an earlier version has fewer fields, and does not say what it was made with.
        let fields = IndexMapping.chunkFields(names.fingerprint.settings)
        _ = try await client.send("PUT", "/\(names.chunks)/_mapping", body: fields)
        try await addAlias(names.writeAlias, to: names.chunks)
        let readers = try await indexes(of: names.alias)
        if readers.isEmpty {
            try await addAlias(names.alias, to: names.chunks)
            done.append("alias \(names.alias)")
        } else if readers != [names.chunks] {
            done.append(
                "alias \(names.alias) still reads \(readers.joined(separator: ", ")): 'ingestctl switch' moves it"
            )
        }
        if try await create(names.ledger, body: mapping.ledger()) {
            done.append("ledger \(names.ledger)")
        } else {
            // One of an earlier version has fewer fields.
            _ = try await client.send("PUT", "/\(names.ledger)/_mapping", body: IndexMapping.ledgerFields())
            done.append("ledger \(names.ledger) is there")
        }
        if cluster.hasSearchPipelines {
            _ = try await client.send(
                "PUT",
                "/_search/pipeline/\(names.searchPipeline)",
                body: IndexMapping.hybridPipeline()
            )
            done.append("search pipeline \(names.searchPipeline)")
        } else {
            done.append("no search pipeline: this server has none")
        }
        try await verify(dimensions: mapping.dimensions)
        return done
    }

    /// Lets readers see this fingerprint's index and no other, in one step.
    package func switchAlias() async throws {
        let old = try await indexes(of: names.alias)
        let body = JSONWriter.object { json in
            json.key("actions")
            json.array { actions in
                for index in old { Self.action("remove", names.alias, index, &actions) }
                Self.action("add", names.alias, names.chunks, &actions)
            }
        }
        _ = try await client.send("POST", "/_aliases", body: body)
    }

    private struct Mapping: Decodable {
        struct Mappings: Decodable {
            struct Field: Decodable {
                var type: String?
                var dimension: Int?
            }
            var dynamic: String?
            var properties: [String: Field]?
        }
        var mappings: Mappings
    }

    private struct Described: Decodable {
        struct Mappings: Decodable {
            struct Meta: Decodable { var settings: [String: String]? }
            var _meta: Meta?
        }
        var mappings: Mappings
    }

    /// The other indexes of the alias, each with the settings that differ from these.
    package func others() async throws -> [String] {
        let response = try await client.send("GET", "/\(names.pattern)/_mapping", accepting: [404])
        guard response.isSuccess else { return [] }
        let found = try client.decode([String: Described].self, response)
        return found.sorted { $0.key < $1.key }.filter { $0.key != names.chunks }.map { name, index in
            guard let theirs = index.mappings._meta?.settings else { return "\(name) (made by an earlier version)" }
            let ours = names.fingerprint.settings
            let differing = Set(ours.keys).union(theirs.keys).sorted().filter { ours[$0] ?? "" != theirs[$0] ?? "" }
            let parts = differing.map { "\($0) is \(theirs[$0] ?? "not set") there and \(ours[$0] ?? "not set") here" }
            return "\(name) (\(parts.joined(separator: ", ")))"
        }
    }

    /// Throws what differs from what the configuration needs.
    package func verify(dimensions: Int) async throws {
        for name in [names.writeAlias, names.ledger] {
            let response = try await client.send("GET", "/\(name)/_mapping", accepting: [404])
            guard response.status != 404, let found = try client.decode([String: Mapping].self, response).values.first
            else {
                let others = try await others()
                let hint = others.isEmpty ? "" : "; other indexes of this alias: \(others.joined(separator: ", "))"
                throw Failure.fleet(
                    "\(name) does not exist at \(client.endpoint): run 'ingestctl setup' with the same settings\(hint)",
                    of: .index
                )
            }
            guard name == names.writeAlias else { continue }
            let vector = found.mappings.properties?["vector"]
            guard vector?.type == "knn_vector", vector?.dimension == dimensions else {
                let what = "\(vector?.type ?? "nothing") of \(vector?.dimension ?? 0) dimensions"
                throw Failure.fleet(
                    "\(name) has \(what) where vectors of \(dimensions) are needed (EMBEDDING_DIMENSIONS)"
                )
            }
        }
    }

    /// False where the index is there already.
    private func create(_ name: String, body: [UInt8]) async throws -> Bool {
        let exists = try await client.send("HEAD", "/\(name)", accepting: [404])
        if exists.isSuccess { return false }
        let response = try await client.send("PUT", "/\(name)", body: body, accepting: [400])
        if response.isSuccess { return true }
        let error = OpenSearchError(method: "PUT", path: "/\(name)", response: response)
        if error.type == "resource_already_exists_exception" { return false }
        throw Failure.fleet(error.description)
    }

    private func addAlias(_ alias: String, to index: String) async throws {
        let body = JSONWriter.object { json in
            json.key("actions")
            json.array { Self.action("add", alias, index, &$0) }
        }
        _ = try await client.send("POST", "/_aliases", body: body)
    }

    private static func action(_ name: String, _ alias: String, _ index: String, _ actions: inout JSONWriter) {
        actions.object { action in
            action.object(name) {
                $0.field("index", index)
                $0.field("alias", alias)
            }
        }
    }

    private struct Nothing: Decodable {}

    private func indexes(of alias: String) async throws -> [String] {
        let response = try await client.send("GET", "/_alias/\(alias)", accepting: [404])
        if response.status == 404 { return [] }
        return try client.decode([String: Nothing].self, response).keys.sorted()
    }
}
