import OpenSearch
import TextCoding

/// A library that reads the index. What its names can be set to is set there; what it reads under a fixed name is added here.
package enum ReadersLibrary: String, CaseIterable, Sendable {
    case langchain
    case llamaindex
    case haystack

    /// The settings of the library, to be printed.
    package func advice(_ names: IndexNames) -> String {
        switch self {
        case .langchain:
            "LangChain: OpenSearchVectorSearch(url, \"\(names.alias)\", embedding), then similarity_search(…, vector_field=\"vector\", metadata_field=\"metadata\")"
        case .llamaindex:
            "LlamaIndex: OpensearchVectorClient(url, \"\(names.alias)\", dim, embedding_field=\"vector\", text_field=\"text\", excluded_source_fields=[\"vector\"])"
        case .haystack:
            "Haystack: OpenSearchDocumentStore(url, index=\"\(names.alias)\", create_index=False), and a retriever with the custom_query of docs/index.md"
        }
    }

    /// Haystack reads a chunk's text from `content`, whatever its settings.
    fileprivate var readsContent: Bool { self == .haystack }
}

extension IndexSetup {
    /// Adds what the library reads under a name of its own; says what it did, line by line. May be repeated.
    ///
    /// k-NN queries find nothing under an alias of a vector field (OpenSearch 2.19.1 and 3.6.0), so that a library has to take the vector's own name.
    package func serve(_ library: ReadersLibrary) async throws -> [String] {
        guard library.readsContent else { return [library.advice(names)] }
        let fields = JSONWriter.object { json in
            json.object("properties") { $0.object("content") { $0.field("type", "text") } }
        }
        _ = try await client.send("PUT", "/\(names.chunks)/_mapping", body: fields)
        let pipeline = "\(names.alias)-content"
        let body = JSONWriter.object { json in
            json.field("description", "the text of a chunk under the name that Haystack reads")
            json.key("processors")
            json.array { processors in
                processors.object { processor in
                    processor.object("copy") {
                        $0.field("source_field", "text")
                        $0.field("target_field", "content")
                        $0.field("ignore_missing", true)
                        // An imported chunk has it already.
                        $0.field("override_target", true)
                    }
                }
            }
        }
        _ = try await client.send("PUT", "/_ingest/pipeline/\(pipeline)", body: body)
        let settings = JSONWriter.object { $0.field("index.final_pipeline", pipeline) }
        _ = try await client.send("PUT", "/\(names.chunks)/_settings", body: settings)
        let updated = try await copyContent()
        return [
            "field content, by the ingest pipeline \(pipeline); \(updated) chunks that were there have it now",
            library.advice(names),
        ]
    }

    private struct Updated: Decodable { var updated: Int? }

    /// Of chunks from before the pipeline.
    private func copyContent() async throws -> Int {
        let query = JSONWriter.object { json in
            json.object("query") { query in
                query.object("bool") { bool in
                    bool.key("must_not")
                    bool.array { $0.object { $0.object("exists") { $0.field("field", "content") } } }
                }
            }
        }
        let response = try await client.send(
            "POST",
            "/\(names.chunks)/_update_by_query",
            query: [("conflicts", "proceed"), ("refresh", "true")],
            body: query,
            timeout: .seconds(600)
        )
        return try client.decode(Updated.self, response).updated ?? 0
    }
}
