import AsyncPrimitives
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
    package func run(_ mapping: IndexMapping, join: SearchJoin = SearchJoin()) async throws -> [String] {
        var done: [String] = []
        let cluster = try await client.cluster(searching: names.pattern)
        done.append("OpenSearch \(cluster.version) at \(client.endpoint)")
        let isPlain = try await !client.hasAnalyzers()
        if isPlain { done.append("this server has no analyzers of languages: words are matched as they are") }
        _ = try await client.send(
            "PUT",
            "/_index_template/\(names.template)",
            body: mapping.template(pattern: names.pattern, isPlain: isPlain)
        )
        done.append("index template \(names.template)")
        if try await client.createIndex(names.chunks, body: Array("{}".utf8)) {
            done.append("index \(names.chunks) (\(mapping.dimensions) dimensions, engine \(mapping.engine.rawValue))")
        } else {
            done.append("index \(names.chunks) is there")
        }
        // One of an earlier version has fewer fields, and does not say what it was made with.
        let fields = IndexMapping.chunkFields(names.fingerprint.settings, isPlain: isPlain)
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
        if try await client.createIndex(names.ledger, body: mapping.ledger()) {
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
                body: JSONWriter.object { join.write(&$0) }
            )
            done.append("search pipeline \(names.searchPipeline)")
        } else {
            done.append("no search pipeline: this server has none")
        }
        try await verify(dimensions: mapping.dimensions)
        return done
    }

    /// Throws where a queue is another pipeline's.
    package func check(_ changes: PipelineChanges) async throws {
        let all = try await PipelineRegistry(client: client).all()
        guard let taken = changes.taken(by: all.filter { $0.index != names.chunks && $0.state != .retired }) else {
            return
        }
        throw PipelineRefusal(
            reason:
                "\(taken.name) belongs to the pipeline \(taken.pipeline.index), which differs: \(Admission.differences(names, taken.pipeline)). Give this pipeline queues of its own"
        )
    }

    private struct Stats: Decodable {
        struct Indexes: Decodable { var primaries: Primaries }
        struct Primaries: Decodable {
            struct Documents: Decodable { var count: Int }
            struct Store: Decodable { var size_in_bytes: Int }
            var docs: Documents?
            var store: Store?
        }
        var _all: Indexes
    }

    /// Nil where the index does not exist.
    package func size() async throws -> IndexSize? {
        let response = try await client.send("GET", "/\(names.chunks)/_stats/docs,store", accepting: [404])
        guard response.isSuccess else { return nil }
        let found = try client.decode(Stats.self, response)._all.primaries
        return IndexSize(chunks: found.docs?.count ?? 0, bytes: found.store?.size_in_bytes ?? 0)
    }

    private struct Deleted: Decodable { var deleted: Int? }

    /// Removes the index and its records in the ledger.
    ///
    /// - Returns: how many records there were.
    package func drop() async throws -> Int {
        _ = try await client.send("DELETE", "/\(names.chunks)", accepting: [404])
        let query = JSONWriter.object { json in
            json.object("query") { query in query.object("term") { $0.field("index", names.chunks) } }
        }
        let options = [("refresh", "true"), ("conflicts", "proceed")]
        let path = "/\(names.ledger)/_delete_by_query"
        let response = try await client.send(
            "POST",
            path,
            of: .ledger,
            query: options,
            body: query,
            accepting: [404],
            timeout: .seconds(600)
        )
        return response.isSuccess ? try client.decode(Deleted.self, response, of: .ledger).deleted ?? 0 : 0
    }

    /// Writes the pipeline into the registry. What `changes` says replaces what it said before.
    ///
    /// - Returns: what changed, line by line.
    package func register(_ changes: PipelineChanges, replicas: Int, at time: Timestamp) async throws -> [String] {
        let registry = PipelineRegistry(client: client)
        try await registry.create(replicas: replicas)
        try await WorkerReports(client: client).create(replicas: replicas)
        try await OpenSearchReplayCheckpoints(client: client).create(replicas: replicas)
        try await UsageRecords(client: client).create(replicas: replicas)
        try await OpenSearchBatchRecords(client: client).create(replicas: replicas)
        let isRead = try await readers() == [names.chunks]
        var said: [String] = []
        try await registry.update(names.chunks) { current in
            var record = current ?? PipelineRecord(names, state: .building, at: time)
            said = changes.apply(to: &record)
            if isRead { record.state = .live }
            if record.state == .retired { record.state = .building }
            if record != current { record.changed = time }
            if current == nil { said.insert("pipeline \(names.chunks) (\(record.state.rawValue))", at: 0) }
            return record
        }
        return said
    }

    /// The indexes that the alias reads.
    package func readers() async throws -> [String] { try await indexes(of: names.alias) }

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

/// What an index holds: its primary shards.
package struct IndexSize: Equatable, Sendable {
    package var chunks: Int
    package var bytes: Int

    package init(chunks: Int, bytes: Int) { (self.chunks, self.bytes) = (chunks, bytes) }
}
