import IngestCore

/// What the pipeline itself has to know.
package struct IngestSettings: Sendable {
    package var rules: DocumentRules
    package var names: IndexNames
    package var handOverBucket: String
    package var handOverPrefix: String
    /// A rejected new version removes the searchable one, instead of leaving it.
    package var removesRejected: Bool
    /// From 0 to 1: text that looks less like text is rejected.
    package var leastQuality: Double

    package init(
        rules: DocumentRules,
        names: IndexNames,
        handOverBucket: String,
        handOverPrefix: String,
        removesRejected: Bool = false,
        leastQuality: Double = 0
    ) {
        self.rules = rules
        self.names = names
        self.handOverBucket = handOverBucket
        self.handOverPrefix = handOverPrefix
        self.removesRejected = removesRejected
        self.leastQuality = leastQuality
    }

    /// Whose document the object is; nil for those that are none, the fleet's own hand-overs among them.
    func tenant(of object: ObjectReference) -> String? {
        if object.bucket == handOverBucket, object.key.hasPrefix(handOverPrefix) { return nil }
        return rules.tenant(of: object)
    }
}
