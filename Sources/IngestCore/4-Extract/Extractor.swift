import ExtractionWire

/// Turns a stored object into text.
package protocol Extractor: Sendable {
    /// Throws `Rejection` where the document cannot be read, for good.
    func extract(_ object: StoredObject, hints: ExtractionHints) async throws -> ExtractedDocument
}
