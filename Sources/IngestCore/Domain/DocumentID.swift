import TextCoding

/// What a document is called in the index: a hash of tenant, bucket and key, 40 hexadecimal digits.
package struct DocumentID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(tenant: String, object: ObjectReference) {
        // Neither a bucket nor a tenant can hold the separator, so that no two documents meet.
        description = Hex.string(Digest.sha256("\(tenant)\0\(object.bucket)\0\(object.key)").prefix(20))
    }

    package init(_ description: String) { self.description = description }

    /// The id of the document's record for one physical index: a second index can be built while the first is in use.
    package func recordID(index: String) -> String { Hex.string(Digest.sha256("\(description)\0\(index)").prefix(20)) }
}
