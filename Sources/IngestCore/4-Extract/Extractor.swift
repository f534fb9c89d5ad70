import ExtractionWire

/// Turns a stored object into text.
package protocol Extractor: Sendable {
    /// Throws `Rejection` when the document can never be read.
    func extract(_ object: StoredObject, hints: ExtractionHints) async throws -> ExtractedDocument
}
