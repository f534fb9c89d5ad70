import ExtractionWire
import Observability

/// A chunk message with the names that follow from it.
struct EmbedWork: Sendable {
    let message: ChunkMessage
    let job: WorkLoop.Job
    let document: DocumentID
    let recordID: String

    init(_ message: ChunkMessage, _ job: WorkLoop.Job) {
        self.message = message
        self.job = job
        document = DocumentID(message.header.documentID)
        recordID = document.recordID(index: message.header.index)
    }

    var header: ChunkMessage.Header { message.header }
    var generation: Int { header.generation }
    var key: UncommittedVectorCache.Key { UncommittedVectorCache.Key(document, generation) }
    /// Names the work where failures are compared.
    var id: String { job.first.messageID }
    var metadata: Log.Metadata {
        job.first.metadata.merging(["object": header.object.description, "generation": "\(generation)"]) { $1 }
    }

    func deadLetter(_ rejection: Rejection) -> DeadLetterMessage { deadLetter(rejection.code.name, rejection.detail) }
    func deadLetter(_ entry: RejectedGeneration) -> DeadLetterMessage { deadLetter(entry.reason, entry.detail) }

    private func deadLetter(_ reason: String, _ detail: String) -> DeadLetterMessage {
        DeadLetterMessage(
            body: ObjectChange.hint(for: header.object, retriesRejected: true),
            reason: reason,
            detail: detail,
            object: header.object.description,
            generation: generation
        )
    }
}
