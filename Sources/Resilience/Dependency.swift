/// What a worker needs to process a message, and what a pause is of.
package enum Dependency: Hashable, Sendable, CustomStringConvertible {
    /// The index that holds chunks and vectors.
    case index
    /// The ledger's index.
    case ledger
    /// The embeddings provider.
    case provider
    /// A bucket, by name.
    case bucket(String)
    /// A queue, by URL.
    case queue(String)
    /// This task: its temporary directory and its extractor processes.
    case host

    /// No message can be processed without it, so that nothing is received while it is unavailable. Messages of other buckets go on.
    package var isEssential: Bool { if case .bucket = self { false } else { true } }

    /// The probe is the same work for something else: another object, another text. Where it succeeds, others succeed.
    package var hasConclusiveProbe: Bool {
        switch self {
        case .bucket, .provider: true
        case .index, .ledger, .queue, .host: false
        }
    }

    /// The value of the metric's `dependency` label.
    package var description: String {
        switch self {
        case .index: "opensearch_index"
        case .ledger: "opensearch_ledger"
        case .provider: "embeddings"
        case .bucket(let name): "bucket:\(name)"
        case .queue(let url): "queue:\(url.split(separator: "/").last ?? "")"
        case .host: "host"
        }
    }
}
