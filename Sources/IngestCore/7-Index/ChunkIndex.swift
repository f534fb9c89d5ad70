/// Where chunks and vectors are searched.
package protocol ChunkIndex: Sendable {
    /// Writes chunks that are not there yet; an id that is taken counts as written.
    func create(_ chunks: [IndexedChunk], _ header: ChunkMessage.Header) async throws
    /// Deletes chunks `0..<count` of a generation; what is not there counts as deleted.
    func delete(_ document: DocumentID, generation: Int, count: Int) async throws
    /// Content hashes of the chunks `0..<count` of a generation that are there, by chunk index. Sees what was written before, refreshed or not.
    func hashes(_ document: DocumentID, generation: Int, count: Int) async throws -> [Int: String]
    /// Vectors of these chunks of a generation that are there, by chunk index.
    func vectors(_ document: DocumentID, generation: Int, chunks: [Int]) async throws -> [Int: [Float]]
    /// Vectors of a tenant's chunks with these content hashes, by hash, of whichever documents have them. Sees what is refreshed.
    func vectors(ofHashes hashes: [String], tenant: String) async throws -> [String: [Float]]
}
