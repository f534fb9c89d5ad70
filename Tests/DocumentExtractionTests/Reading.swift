import DocumentExtraction
import ExtractionWire

/// Reads the document with this content and `name`.
func read(_ bytes: [UInt8], _ name: String = "") throws -> ExtractedDocument {
    try bytes.withUnsafeBytes {
        try DocumentReader.read(
            $0,
            hints: ExtractionHints(name: name),
            limits: ExtractionLimits(textBytes: 1 << 20)
        )
    }
}

/// The texts of its blocks.
func texts(_ document: ExtractedDocument) -> [String] {
    document.blocks.map { String(decoding: document.text[$0.start..<$0.end], as: UTF8.self) }
}
