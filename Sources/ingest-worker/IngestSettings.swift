import IngestCore

/// What the pipeline itself has to know.
package struct IngestSettings: Sendable {
    package var tenant: String
    package var names: IndexNames
    package var handOverBucket: String
    package var handOverPrefix: String
    /// A rejected new version removes the searchable one, instead of leaving it.
    package var removesRejected: Bool

    package init(
        tenant: String,
        names: IndexNames,
        handOverBucket: String,
        handOverPrefix: String,
        removesRejected: Bool = false
    ) {
        self.tenant = tenant
        self.names = names
        self.handOverBucket = handOverBucket
        self.handOverPrefix = handOverPrefix
        self.removesRejected = removesRejected
    }

    /// The fleet's own objects, where documents and hand-overs share a bucket.
    func ignores(_ object: ObjectReference) -> Bool {
        object.bucket == handOverBucket && object.key.hasPrefix(handOverPrefix)
    }
}
