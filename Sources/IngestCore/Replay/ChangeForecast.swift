import AsyncPrimitives
import ExtractionWire
import Resilience

/// What it would take to bring an object's document up to date: the way of an event as far as the chunks, without writing anything.
package struct ChangeForecast: Sendable {
    /// What a document that has changed has, and what the provider would be paid for.
    package struct Cost: Equatable, Sendable {
        package var pages = 0
        package var chunks = 0
        /// cl100k_base tokens of all chunks as they are embedded.
        package var tokens = 0
        /// Of them, those of texts that the live version or the document itself has a vector for.
        package var reusedTokens = 0

        package init() {}

        package var paidTokens: Int { tokens - reusedTokens }

        package static func += (left: inout Cost, right: Cost) {
            left.pages += right.pages
            left.chunks += right.chunks
            left.tokens += right.tokens
            left.reusedTokens += right.reusedTokens
        }
    }

    package enum Finding: Equatable, Sendable {
        /// The ledger knows what is in the bucket, or nothing is there.
        case unchanged
        case rejected(String)
        case changed(Cost)
    }

    /// What is read on the way.
    package struct Stages: Sendable {
        package var ledger: any Ledger
        package var store: any ObjectStore
        package var extractor: any Extractor
        package var chunker: any TextChunking
        package var index: any ChunkIndex

        package init(
            ledger: any Ledger,
            store: any ObjectStore,
            extractor: any Extractor,
            chunker: any TextChunking,
            index: any ChunkIndex
        ) {
            self.ledger = ledger
            self.store = store
            self.extractor = extractor
            self.chunker = chunker
            self.index = index
        }
    }

    private let stages: Stages
    private let settings: IngestSettings
    private let time: any TimeSource

    package init(_ stages: Stages, settings: IngestSettings, time: any TimeSource) {
        self.stages = stages
        self.settings = settings
        self.time = time
    }

    /// - Parameter rebuilds: as if the ledger did not know the object's content.
    package func finding(_ object: ObjectReference, tenant: String, rebuilds: Bool) async throws -> Finding {
        let document = DocumentID(tenant: tenant, object: object)
        let record = try await stages.ledger.read(document.recordID(index: settings.names.chunks)).record
        let holds: (RejectedGeneration) -> Bool = { settings.rejections.hold($0, sent: time.now) }
        do {
            let known = rebuilds ? nil : record?.knownETag(where: holds)
            guard case .object(let stored) = try await stages.store.read(object, unless: known) else {
                return .unchanged
            }
            if !rebuilds, record?.knows(Content(etag: stored.etag), where: holds) == true { return .unchanged }
            let text = try await stages.extractor.extract(stored, hints: stored.hints(object), tenant: tenant)
            try settings.check(text.notes)
            let chunks = try await stages.chunker.cut(text).map(ChunkPayload.init)
            return .changed(try await cost(of: chunks, pages: text.pages.count, document, record?.live))
        } catch let rejection as Rejection {
            return .rejected(rejection.code.name)
        } catch let refused as RefusedObject {
            return .rejected(refused.rejection.code.name)
        } catch Failure.document(let rejection) {
            return .rejected(rejection.code.name)
        }
    }

    private func cost(of chunks: [ChunkPayload], pages: Int, _ document: DocumentID, _ live: LiveGeneration?)
        async throws -> Cost
    {
        var known = Set<String>()
        if let live, live.chunkCount > 0 {
            let hashes = try await stages.index.hashes(document, generation: live.generation, count: live.chunkCount)
            known = Set(hashes.values)
        }
        var cost = Cost()
        cost.pages = pages
        cost.chunks = chunks.count
        for chunk in chunks {
            cost.tokens += chunk.embeddedTokens
            if !known.insert(chunk.contentHash).inserted { cost.reusedTokens += chunk.embeddedTokens }
        }
        return cost
    }
}
