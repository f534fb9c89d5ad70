import TextCoding

/// Which keys of a bucket a query is about. Keys are ordered by their bytes, in S3 and in OpenSearch alike.
package enum KeyScope: Sendable {
    /// Keys below `prefix`, after `start` and up to `end`; nil for no bound.
    case range(prefix: String, after: String?, through: String?)
    case keys([String])

    /// The filter of a search, as elements of `bool.filter`.
    func write(bucket: String, _ filters: inout JSONWriter) {
        filters.object { $0.object("term") { $0.field("bucket", bucket) } }
        switch self {
        case .keys(let keys): filters.object { $0.object("terms") { $0.field("key", keys) } }
        case .range(let prefix, let after, let through):
            if !prefix.isEmpty { filters.object { $0.object("prefix") { $0.field("key", prefix) } } }
            guard after != nil || through != nil else { return }
            filters.object { filter in
                filter.object("range") { range in
                    range.object("key") { bounds in
                        if let after { bounds.field("gt", after) }
                        if let through { bounds.field("lte", through) }
                    }
                }
            }
        }
    }
}
