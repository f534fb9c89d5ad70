import ExtractionWire
import Resilience

/// What the error of one item of a bulk or a multi-get means.
package enum ItemFailure {
    package static func classify(status: Int, type: String, _ text: String, of dependency: Dependency) -> Failure {
        switch (status, type) {
        case (429, "cluster_block_exception"): .fleet(explained(text, type), of: dependency)
        case (429, _): .throttled(text, after: nil, of: dependency)
        case (403, _) where text.contains("Request throttled"): .throttled(text, after: nil, of: dependency)
        case (408, _), (500..., _): .transient(text, of: dependency)
        case (400, _) where isAboutValues(type, text): .document(Rejection(.indexRefused, text))
        default: .fleet(explained(text, type), of: dependency)
        }
    }

    /// The error of an item of a multi-get, which has no status.
    package static func ofRead(type: String, _ text: String, of dependency: Dependency) -> Failure {
        switch type {
        case "circuit_breaking_exception", "rejected_execution_exception", "es_rejected_execution_exception",
            "opensearch_rejected_execution_exception":
            .throttled(text, after: nil, of: dependency)
        case "index_not_found_exception", "security_exception", "index_closed_exception", "cluster_block_exception",
            "illegal_argument_exception":
            .fleet(explained(text, type), of: dependency)
        default: .transient(text, of: dependency)
        }
    }

    /// A value of this chunk that the mapping does not take. The same types name faults of the whole index: a k-NN circuit breaker, vectors of
    /// another length, a field that the mapping lacks, an index that is full or closed.
    private static func isAboutValues(_ type: String, _ text: String) -> Bool {
        let ofIndex = [
            "circuit breaker", "ector dimension mismatch", "nvalid vector dimension", "number of documents",
            "no write index", "strict_dynamic",
        ]
        if ofIndex.contains(where: { text.contains($0) }) { return false }
        switch type {
        case "mapper_parsing_exception", "document_parsing_exception": return true
        case "illegal_argument_exception": return text.contains("immense term")
        case "max_bytes_length_exceeded_exception": return true
        default: return false
        }
    }

    /// With what to do about it, where that is known.
    package static func explained(_ text: String, _ type: String) -> String {
        switch type {
        case "cluster_block_exception":
            "\(text): the index is blocked; where a node's disk is full, give it room, then the block goes by itself"
        case "index_not_found_exception": "\(text): run 'ingestctl setup' with these settings"
        case "index_closed_exception": "\(text): open the index"
        default: text
        }
    }
}
