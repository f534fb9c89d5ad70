import TextCoding

/// The bodies that make the indexes: chunks, ledger, and the search pipeline of hybrid queries.
package struct IndexMapping: Sendable {
    package enum Engine: String, Sendable, CaseIterable {
        case faiss
        case lucene
    }

    package var dimensions: Int
    package var engine: Engine
    package var shards: Int
    package var replicas: Int

    package init(dimensions: Int, engine: Engine, shards: Int = 1, replicas: Int = 1) {
        self.dimensions = dimensions
        self.engine = engine
        self.shards = shards
        self.replicas = replicas
    }

    /// A composable template for `pattern` (OpenSearch 2.19 and 3.x). Vectors are of unit length, so the inner product is the cosine.
    ///
    /// - Parameter isPlain: for a server without analyzers.
    package func template(pattern: String, isPlain: Bool = false) -> [UInt8] {
        JSONWriter.object { json in
            json.field("index_patterns", [pattern])
            json.field("priority", 200)
            json.object("template") { template in
                template.object("settings") {
                    $0.field("index.knn", true)
                    $0.field("index.number_of_shards", shards)
                    $0.field("index.number_of_replicas", replicas)
                    if !isPlain { WordAnalyzer.analysis(&$0) }
                }
                template.object("mappings") { mapping in
                    mapping.field("dynamic", "strict")
                    mapping.object("properties") { fields in properties(&fields) }
                }
            }
        }
    }

    /// For an index that is there: fields that its version did not have, and the settings that it was made with.
    ///
    /// - Parameter isPlain: on the embedded stand-in for demos, which has no analyzers.
    package static func chunkFields(_ settings: [String: String], isPlain: Bool = false) -> [UInt8] {
        JSONWriter.object { json in
            json.object("_meta") { meta in
                meta.object("settings") {
                    for (name, value) in settings.sorted(by: { $0.key < $1.key }) { $0.field(name, value) }
                }
            }
            json.object("properties") { scalarProperties(&$0, settings, isPlain: isPlain) }
        }
    }

    private func properties(_ fields: inout JSONWriter) {
        fields.object("vector") { vector in
            vector.field("type", "knn_vector")
            vector.field("dimension", dimensions)
            vector.object("method") {
                $0.field("name", "hnsw")
                $0.field("engine", engine.rawValue)
                $0.field("space_type", "innerproduct")
            }
        }
    }

    /// - Parameter settings: those of the fingerprint.
    private static func scalarProperties(_ fields: inout JSONWriter, _ settings: [String: String], isPlain: Bool) {
        let context = ChunkingSettings.Context(rawValue: settings["CHUNK_CONTEXT"] ?? "") ?? .none
        for field in IndexField.all { field.write(&fields, matchesContext: context.isMatched, isPlain: isPlain) }
        metadata(MetadataSettings(registered: settings), &fields)
        guard settings["WORD_ANALYZERS"] == "language" else { return }
        for analyzer in WordAnalyzer.allCases { analyzer.write(&fields, isPlain: isPlain) }
    }

    /// One flat object; or, with declared fields, an object whose other attributes are stored and not searched.
    private static func metadata(_ settings: MetadataSettings, _ fields: inout JSONWriter) {
        let declared = MetadataSettings.declared(settings.fields) ?? []
        fields.object("metadata") { metadata in
            guard !declared.isEmpty else { return metadata.field("type", "flat_object") }
            metadata.field("type", "object")
            metadata.field("dynamic", false)
            metadata.object("properties") { properties in
                let all = [("source", "keyword"), ("page", "integer")] + declared
                for (name, type) in all {
                    properties.object(name) {
                        IndexField.type(type, &$0)
                        if ["long", "integer", "double", "date"].contains(type) { $0.field("ignore_malformed", true) }
                    }
                }
            }
        }
    }

    private static func field(_ name: String, _ type: String, _ fields: inout JSONWriter) {
        fields.object(name) { $0.field("type", type) }
    }

    /// Records are read and written by id; only what operators look for is indexed.
    package func ledger() -> [UInt8] {
        JSONWriter.object { json in
            json.object("settings") {
                $0.field("index.number_of_shards", 1)
                $0.field("index.number_of_replicas", replicas)
            }
            json.object("mappings") { Self.ledgerMappings(&$0) }
        }
    }

    /// The mappings alone, which add new fields to a ledger that is there.
    package static func ledgerFields() -> [UInt8] { JSONWriter.object { ledgerMappings(&$0) } }

    private static func ledgerMappings(_ mapping: inout JSONWriter) {
        mapping.field("dynamic", "strict")
        mapping.object("properties") { fields in
            for name in ["tenant", "bucket", "key", "index"] { field(name, "keyword", &fields) }
            for name in ["newest", "touches", "paidTokens", "paidCost"] { field(name, "long", &fields) }
            field("created", "long", &fields)
            let live = [
                "generation": "long", "chunkCount": "integer", "committed": "long", "reason": "keyword",
                "reasonSettings": "keyword", "quality": "short",
                "flags": "keyword", "leftOut": "short", "sent": "long", "trace": "keyword", "tokens": "long",
                "cost": "long",
            ]
            object("live", live, &fields)
            let pending = [
                "generation": "long", "chunkCount": "integer", "handedOver": "boolean", "since": "long",
                "sent": "long", "trace": "keyword", "lane": "keyword",
            ]
            object("pending", pending, &fields)
            object("retired", ["generation": "long", "chunkCount": "integer"], hasContent: false, &fields)
            let rejected = [
                "generation": "long", "reason": "keyword", "detail": "text", "settings": "keyword", "at": "long",
            ]
            object("rejected", rejected, &fields)
        }
    }

    private static func object(
        _ name: String,
        _ types: [String: String],
        hasContent: Bool = true,
        _ fields: inout JSONWriter
    ) {
        fields.object(name) { object in
            object.object("properties") { inner in
                for (name, type) in types.sorted(by: { $0.key < $1.key }) { field(name, type, &inner) }
                if hasContent {
                    inner.object("content") { content in
                        content.object("properties") { kinds in
                            field("etag", "keyword", &kinds)
                            field("absent", "boolean", &kinds)
                            field("unknown", "boolean", &kinds)
                        }
                    }
                }
            }
        }
    }
}
