import IngestCore

extension ChunkMessage.Header {
    /// Of a document like any other.
    package static func sample(chunkCount: Int) -> ChunkMessage.Header {
        let object = ObjectReference(bucket: "documents", key: "k")
        return ChunkMessage.Header(
            tenant: "t",
            object: object,
            documentID: DocumentID(tenant: "t", object: object).description,
            index: "i",
            fingerprint: "f",
            generation: 1,
            content: .etag("e"),
            chunkCount: chunkCount
        )
    }
}
