import TextCoding

/// Which chunks a search may find. Both halves of a hybrid query have it, so that nothing else takes a place among their candidates.
package struct SearchFilter: Sendable {
    /// Empty for every tenant.
    package var tenant = ""
    package var bucket = ""
    package var keyPrefix = ""
    /// One of these; empty for any.
    package var formats: [String] = []
    package var languages: [String] = []
    /// All of these, and none of those.
    package var flags: [String] = []
    package var withoutFlags: [String] = []
    /// How much the text has to look like text, in percent.
    package var leastQuality = 0
    /// All of these attributes, as keywords.
    package var metadata: [(name: String, value: String)] = []
    /// What the asker is: only documents whose access list has one of these, or everyone. Nil for an asker who sees all.
    package var groups: [String]?
    /// When the object was last modified, ISO 8601: from, and before. Empty for any time.
    package var modifiedSince = ""
    package var modifiedBefore = ""

    package init() {}

    package var isEmpty: Bool { clauses.elementsEqual(Self.none) }

    private static let none = SearchFilter().clauses
    private var clauses: [UInt8] { JSONWriter.object { write(&$0) } }

    /// The clauses of `bool`.
    func write(_ bool: inout JSONWriter) {
        bool.key("filter")
        bool.array { filters in
            for (field, value) in [("tenant", tenant), ("bucket", bucket)] where !value.isEmpty {
                filters.object { $0.object("term") { $0.field(field, value) } }
            }
            if !keyPrefix.isEmpty { filters.object { $0.object("prefix") { $0.field("key", keyPrefix) } } }
            for (field, values) in [("format", formats), ("language", languages)] where !values.isEmpty {
                filters.object { $0.object("terms") { $0.field(field, values) } }
            }
            for flag in flags { filters.object { $0.object("term") { $0.field("flags", flag) } } }
            if !modifiedSince.isEmpty || !modifiedBefore.isEmpty {
                filters.object {
                    $0.object("range") {
                        $0.object("last_modified") {
                            if !modifiedSince.isEmpty { $0.field("gte", modifiedSince) }
                            if !modifiedBefore.isEmpty { $0.field("lt", modifiedBefore) }
                        }
                    }
                }
            }
            for (name, value) in metadata {
                filters.object { $0.object("term") { $0.field("metadata.\(name)", value) } }
            }
            if let groups {
                filters.object { $0.object("terms") { $0.field("access", groups + [MetadataSettings.everyone]) } }
            }
            if leastQuality > 0 {
                filters.object { $0.object("range") { $0.object("quality") { $0.field("gte", leastQuality) } } }
            }
        }
        guard !withoutFlags.isEmpty else { return }
        bool.key("must_not")
        bool.array { $0.object { $0.object("terms") { $0.field("flags", withoutFlags) } } }
    }
}
