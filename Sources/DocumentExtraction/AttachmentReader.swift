import ExtractionWire

/// Reads the documents that are attached to a document, within its limits.
struct AttachmentReader {
    let limits: ExtractionLimits
    /// Reads pages and pictures that have no text; nil where there is none.
    let recognizer: (any TextRecognizer)?
    /// How many documents the one is attached to that has the attachments.
    let nesting: Int

    func read(_ bytes: UnsafeRawBufferPointer, hints: ExtractionHints) -> Result<ExtractedDocument, Rejection> {
        Result { () throws(Rejection) in
            try DocumentReader.read(bytes, hints: hints, limits: limits, recognizer: recognizer, nesting: nesting + 1)
        }
    }
}
