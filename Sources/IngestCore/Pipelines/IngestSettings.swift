import AsyncPrimitives
import ExtractionWire

/// The settings of the pipeline itself.
package struct IngestSettings: Sendable {
    package var rules: DocumentRules
    package var names: IndexNames
    package var chunking: ChunkingSettings
    package var metadata = MetadataSettings()
    package var handoffBucket: String
    package var handoffPrefix: String
    /// A rejected new version removes the searchable one, instead of leaving it.
    package var removesRejected: Bool
    /// From 0 to 1: text that looks less like text is rejected.
    package var leastQuality: Double
    package var rejections: RejectionSettings

    package init(
        rules: DocumentRules,
        names: IndexNames,
        chunking: ChunkingSettings = ChunkingSettings(),
        handoffBucket: String,
        handoffPrefix: String,
        removesRejected: Bool = false,
        leastQuality: Double = 0,
        rejections: RejectionSettings = RejectionSettings()
    ) {
        self.rules = rules
        self.names = names
        self.chunking = chunking
        self.handoffBucket = handoffBucket
        self.handoffPrefix = handoffPrefix
        self.removesRejected = removesRejected
        self.leastQuality = leastQuality
        self.rejections = rejections
    }

    /// What changes a sidecar changes the document that it stands beside.
    func subject(_ change: ObjectChange) -> ObjectChange {
        change.of(metadata.subject(of: change.object) ?? change.object)
    }

    /// Whose document the object is; nil for those that are none, the fleet's own chunk payloads among them.
    package func tenant(of object: ObjectReference) -> String? {
        if object.bucket == handoffBucket, object.key.utf8.starts(with: handoffPrefix.utf8) { return nil }
        // What stands beside a document is none.
        if metadata.subject(of: object) != nil { return nil }
        return rules.tenant(of: object)
    }
}

/// Which settings a rejection depends on: with other values the same bytes may be indexed.
package struct RejectionSettings: Sendable {
    private let values: [RejectionCode: String]

    /// - Parameter values: `NAME=value` of the settings, by the reason that depends on them.
    package init(_ values: [RejectionCode: String] = [:]) { self.values = values }

    /// Empty where the reason depends on no setting.
    package func text(_ code: RejectionCode) -> String { values[code] ?? "" }

    /// Whether a rejection would be the same for an event that was sent at `sent`.
    package func hold(_ rejection: RejectedGeneration, sent: Timestamp) -> Bool {
        guard let code = RejectionCode(name: rejection.reason) else { return true }
        if Self.isDecidedElsewhere(code) {
            // What a provider, a store or an operator decides may have changed since: a new event is another try, a late duplicate is not.
            guard let at = rejection.at else { return false }
            return sent <= at
        }
        return rejection.settings ?? "" == text(code)
    }

    private static func isDecidedElsewhere(_ code: RejectionCode) -> Bool {
        switch code {
        case .embeddingRefused, .indexRefused, .messageRefused, .forbidden, .archived, .retriesExhausted,
            .unavailableTooLong:
            true
        default: false
        }
    }
}

extension IngestSettings {
    /// - Throws: a rejection where too little of a text looks like text.
    func check(_ notes: DocumentNotes) throws(Rejection) {
        guard notes.quality >= leastQuality else {
            throw Rejection(
                .lowQuality,
                "only \(notes.percent) % of its text looks like text (MIN_QUALITY): its fonts or encoding may be damaged; export it again, or run OCR"
            )
        }
    }
}
