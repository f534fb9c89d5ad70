import ExtractionWire

/// Turns a stored object into text.
package protocol Extractor: Sendable {
    /// Throws `Rejection` when the document can never be read, and `ExtractorBusy` when it had to wait for too long.
    func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws -> ExtractedDocument

    /// Whether the tenant's slow documents take all that it may have now: another one would only wait.
    func isBusy(for tenant: String) -> Bool
}

extension Extractor {
    package func isBusy(for tenant: String) -> Bool { false }
}

/// The document has waited for its turn for so long that others' messages should have its place.
package struct ExtractorBusy: Error {
    package init() {}
}
