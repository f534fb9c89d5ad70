import ExtractionWire

/// Reads the documents that are attached to a document, within its limits.
struct AttachmentReader {
    let limits: ExtractionLimits
    /// Reads pages and pictures that have no text; nil where there is none.
    let recognizer: (any TextRecognizer)?
    /// How many documents the one is attached to that has the attachments.
    let nesting: Int

    /// One that cannot be read costs itself: why is the failure. The limits are those of the whole document: text beyond them is thrown.
    func read(_ bytes: [UInt8], hints: ExtractionHints) throws(Rejection) -> Result<ExtractedDocument, Rejection> {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Rejection) in
                try DocumentReader.read(
                    bytes,
                    hints: hints,
                    limits: limits,
                    recognizer: recognizer,
                    nesting: nesting + 1
                )
            }
        }
        if case .failure(let rejection) = result, rejection.code == .outputLimit { throw rejection }
        return result
    }
}

extension TextBuilder {
    /// Appends a document of its own under its name.
    mutating func append(_ document: ExtractedDocument, name: String) {
        begin(.heading, level: 2)
        append(name)
        append(document)
    }
}
