import AsyncPrimitives
import ExtractionWire

/// Cuts a document into chunks.
package protocol TextChunking: Sendable {
    /// - Throws: `Rejection` where the document cannot be cut.
    func cut(_ document: ExtractedDocument) async throws -> [Chunk]
}

extension Chunker: TextChunking {
    package func cut(_ document: ExtractedDocument) throws -> [Chunk] { try chunks(of: document) }
}

/// A chunker on a thread of its own, so that a long document does not hold up the cooperative pool, with a deadline, and ended where the job is
/// cancelled.
package struct ThreadedChunker: TextChunking {
    private let chunker: Chunker
    private let deadline: Duration
    private let deadlineName: String

    /// - Parameters:
    ///   - deadline: wall time for one document.
    ///   - deadlineName: the setting that a rejection names.
    package init(_ chunker: Chunker, deadline: Duration, deadlineName: String) {
        self.chunker = chunker
        self.deadline = deadline
        self.deadlineName = deadlineName
    }

    package func cut(_ document: ExtractedDocument) async throws -> [Chunk] {
        try await BlockingCall.run { [chunker, deadline, deadlineName] isCancelled in
            let end = ContinuousClock.now + deadline
            return try chunker.chunks(of: document) {
                if isCancelled() { throw CancellationError() }
                guard ContinuousClock.now < end else {
                    let detail =
                        "cutting its text into chunks took longer than \(Int(deadline.seconds)) s (\(deadlineName))"
                    throw Rejection(.timeout, detail)
                }
            }
        }
    }
}
