import AsyncPrimitives
import ExtractionWire
import IngestCore
import IngestTestKit
import Observability
import Resilience
import Testing

/// What is read once more by OCR, and what is left of a document when that fails.
@Suite struct RecognizingExtractorTests {
    /// Answers always the same, and counts.
    private final class Answering: Extractor {
        let answer: Result<ExtractedDocument, Rejection>
        let calls = LockedValue(0)

        init(_ answer: Result<ExtractedDocument, Rejection>) { self.answer = answer }

        func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws -> ExtractedDocument {
            calls.withLock { $0 += 1 }
            return try answer.get()
        }
    }

    private static func document(_ text: String, pictures: Int = 0, recognized: Int = 0) -> ExtractedDocument {
        var document = ExtractedDocument(format: .pdf, text: Array(text.utf8), blocks: [])
        document.notes.pictures = pictures
        document.notes.recognized = recognized
        return document
    }

    private func extract(_ reader: Answering, _ recognizer: Answering, _ metrics: Metrics = Metrics()) async throws
        -> ExtractedDocument
    {
        let object = StoredObject(file: try TemporaryFile(folder: "/tmp"), bytes: 0, etag: "e")
        return try await RecognizingExtractor(reader: reader, recognizer: recognizer, metrics: metrics)
            .extract(object, hints: ExtractionHints(), tenant: "t")
    }

    @Test(arguments: [RejectionCode.needsOCR, .empty])
    func documentsWithoutTextAreReadAgain(_ code: RejectionCode) async throws {
        let metrics = Metrics()
        let scanned = Answering(.success(Self.document("seen", recognized: 3)))
        let read = try await extract(Answering(.failure(Rejection(code, ""))), scanned, metrics)
        #expect(read.text == Array("seen".utf8) && metrics[.pagesRecognized] == 3)
    }

    @Test func documentsWithTextAndOtherRejectionsAreNot() async throws {
        let recognizer = Answering(.success(Self.document("seen")))
        #expect(try await extract(Answering(.success(Self.document("read"))), recognizer).text == Array("read".utf8))
        let locked = Answering(.failure(Rejection(.encrypted, "")))
        await #expect(throws: Rejection(.encrypted, "")) { try await extract(locked, recognizer) }
        #expect(recognizer.calls.withLock { $0 } == 0)
    }

    @Test func whatHasTextAndPicturesKeepsItsTextWhenOCRFails() async throws {
        let mixed = Answering(.success(Self.document("read", pictures: 1)))
        let whole = Answering(.success(Self.document("read and seen", recognized: 1)))
        #expect(try await extract(mixed, whole).text == Array("read and seen".utf8))
        let late = Answering(.failure(Rejection(.timeout, "")))
        let left = try await extract(mixed, late)
        #expect(left.text == Array("read".utf8) && left.notes.flags == ["needs_ocr"])
    }

    @Test func aFailureThatPassesIsNoAnswer() async throws {
        struct Broken: Extractor {
            func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws
                -> ExtractedDocument
            {
                throw Failure.transient("the child was stopped")
            }
        }
        let mixed = Answering(.success(Self.document("read", pictures: 1)))
        let object = StoredObject(file: try TemporaryFile(folder: "/tmp"), bytes: 0, etag: "e")
        let both = RecognizingExtractor(reader: mixed, recognizer: Broken(), metrics: Metrics())
        await #expect(throws: Failure.self) { try await both.extract(object, hints: ExtractionHints(), tenant: "t") }
    }
}
