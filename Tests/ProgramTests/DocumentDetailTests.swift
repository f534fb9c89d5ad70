import AsyncPrimitives
import CommandLineOptions
import ExtractionWire
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import Testing
import TextCoding

/// What goes with a document's text, and what bounds one document.
@Suite struct DocumentDetailTests {
    private let stores = MemoryStores()
    private let object = ObjectReference(bucket: "docs", key: "a.pdf")
    private let chunks: InMemoryQueue

    init() { chunks = InMemoryQueue(time: stores.time) }

    /// Reads every document as the same one, whose notes say much.
    private struct NotedExtractor: Extractor {
        func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws -> ExtractedDocument {
            let text = Array("A page of text.".utf8)
            let blocks = [Block(kind: .paragraph, start: 0, end: text.count)]
            var document = ExtractedDocument(format: .pdf, title: "T", author: "A", text: text, blocks: blocks)
            document.notes.created = "2026-01-02T03:04:05Z"
            document.notes.modified = "2026-02-03T04:05:06Z"
            document.notes.links = (0..<30).map { "https://example.org/\($0)" }
            document.notes.attachments = ["figures.zip"]
            document.notes.outline = [OutlineEntry(level: 1, title: "Introduction")]
            return document
        }
    }

    private func event() -> WorkLoop.Job { .test(ObjectChange.hint(for: object), receives: 1, at: stores.time.now) }

    @Test func whatADocumentSaysOfItselfIsIndexed() async throws {
        stores.store.put(object, "bytes")
        let pipeline = stores.ingest(into: chunks, extractor: NotedExtractor(), environment: .test(time: stores.time))
        #expect(await pipeline.handle(event()) == .done)
        let body = try #require(chunks.messages.last).message.body
        let message = try ChunkMessage(decoding: body)
        let payload = try await ChunkHandoff(store: stores.store, bucket: "hand", inlineBytes: 0).unpack(message).chunk(
            0
        )
        let document = DocumentID(message.header.documentID)
        let chunk = IndexedChunk(documentID: document, generation: 1, chunk: payload, vector: [1])
        let source = try #require(JSONValue(parsing: chunk.source(message.header, at: stores.time.now)))
        #expect(source["author"]?.text == "A")
        #expect(source["created"]?.text == "2026-01-02T03:04:05Z")
        #expect(source["modified"]?.text == "2026-02-03T04:05:06Z")
        #expect(source["links"]?.items.count == 20, "the first ones: every chunk carries them")
        #expect(source["attachments"]?.items.map(\.text) == ["figures.zip"])
        #expect(source["outline"]?.items.map(\.text) == ["Introduction"])
        #expect(source["flags"]?.items.map(\.text) == ["attachments"])
    }

    @Test func aDocumentThatEmbedWorkerCouldNotUnpackIsRejected() async throws {
        let handoff = ChunkHandoff(store: stores.store, bucket: "hand", inlineBytes: 0, maximumBytes: 1000)
        stores.store.put(object, PipelineTests.paragraphs(0..<50))
        let pipeline = stores.ingest(into: chunks, handoff: handoff, environment: .test(time: stores.time))
        guard case .deadLetter(let rejections) = await pipeline.handle(event()) else {
            Issue.record("not rejected")
            return
        }
        #expect(rejections.map(\.reason) == ["output_limit"])
        #expect(chunks.messages.isEmpty)
    }

    /// Each turn downloads and extracts again.
    @Test func aRecordThatNeverStopsChangingEndsTheReceive() async throws {
        stores.store.put(object, "A page of text.")
        stores.ledger.conflict(nextWrites: 100)
        let outcome = await stores.ingest(into: chunks, environment: .test(time: stores.time)).handle(event())
        #expect(outcome == .retry("\(object) changed 20 times while it was read", after: nil))
        #expect(stores.ledger.conflictsLeft == 80)
    }
}
