import ExtractionWire
import Observability

/// Reads documents by text alone, and those that show text in pictures once more by OCR, in processes of its own: slow documents hold up no others.
package struct RecognizingExtractor: Extractor {
    private let reader: any Extractor
    private let recognizer: any Extractor
    private let metrics: Metrics

    package init(reader: any Extractor, recognizer: any Extractor, metrics: Metrics) {
        (self.reader, self.recognizer, self.metrics) = (reader, recognizer, metrics)
    }

    package func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws
        -> ExtractedDocument
    {
        let read: ExtractedDocument
        do {
            read = try await reader.extract(object, hints: hints, tenant: tenant)
        } catch let rejection as Rejection where Self.mayShowText(rejection) {
            return try await recognize(object, hints, tenant)
        }
        guard read.notes.pictures > 0 else { return read }
        do {
            return try await recognize(object, hints, tenant)
        } catch is Rejection {
            // What can be read is worth more than nothing; its flag `needs_ocr` stays.
            return read
        }
    }

    package func isBusy(for tenant: String) -> Bool { reader.isBusy(for: tenant) }

    /// Pages without text and pictures may be letters drawn as curves.
    private static func mayShowText(_ rejection: Rejection) -> Bool {
        rejection.code == .needsOCR || rejection.code == .empty
    }

    private func recognize(_ object: StoredObject, _ hints: ExtractionHints, _ tenant: String) async throws
        -> ExtractedDocument
    {
        let document = try await recognizer.extract(object, hints: hints, tenant: tenant)
        metrics.add(.pagesRecognized, document.notes.recognized)
        return document
    }
}
