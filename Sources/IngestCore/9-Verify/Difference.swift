import TextCoding

/// Where bucket, ledger and index disagree about one document.
package struct Difference: Equatable, Sendable {
    package enum Kind: String, Sendable, CaseIterable, Codable {
        /// In the bucket, and no version of it was ever indexed.
        case missing
        /// The bucket holds another version than readers see.
        case stale
        /// Searchable, and not in the bucket any more.
        case gone
        /// Chunks of a generation that the ledger does not know, or of a document without a record.
        case orphan
        /// The index holds fewer chunks of the live version than the ledger counts.
        case tooFew = "too_few"
        /// It holds more.
        case tooMany = "too_many"
        /// Chunks of the live version that no vector search finds.
        case withoutVector = "without_vector"
        /// An older version is searchable beside the live one.
        case twoGenerations = "two_generations"
        /// Searchable under a tenant that the rules no longer name.
        case formerRule = "former_rule"
        /// Searchable, and left out by the rules.
        case leftOut = "left_out"
        /// A version that has been on its way for too long.
        case pending
        /// Chunks of the live version that another pipeline made.
        case foreign
        /// A record of the ledger that cannot be read.
        case unreadable
    }

    package var kind: Kind
    package var object: ObjectReference
    /// Whose document it is; empty where that is not known.
    package var tenant: String
    package var detail: String

    package init(_ kind: Kind, _ object: ObjectReference, tenant: String, _ detail: String) {
        self.kind = kind
        self.object = object
        self.tenant = tenant
        self.detail = detail
    }

    /// Kind, object, tenant and detail, between tabs.
    package var line: String {
        [kind.rawValue, object.description, tenant.isEmpty ? "-" : tenant, detail].map(\.oneLine).joined(
            separator: "\t"
        )
    }

    package func write(into json: inout JSONWriter) {
        json.field("kind", kind.rawValue)
        json.field("bucket", object.bucket)
        json.field("key", object.key)
        if !tenant.isEmpty { json.field("tenant", tenant) }
        json.field("detail", detail)
    }
}

extension String {
    /// For a line whose fields stand between tabs.
    package var oneLine: String { replacing("\t", with: " ").replacing("\n", with: " ").printable }
}
