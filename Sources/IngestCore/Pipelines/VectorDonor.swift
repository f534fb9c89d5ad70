/// Another pipeline's index whose vectors were made by the same model, in the same way: a chunk with the same text is not paid for again.
package struct VectorDonor: Sendable {
    /// The physical index.
    package var name: String
    package var chunks: any ChunkIndex

    package init(name: String, chunks: any ChunkIndex) {
        self.name = name
        self.chunks = chunks
    }

    /// The pipelines of the same alias, and of the same ledger with it, whose vectors can be taken.
    package static func all(of names: IndexNames, among pipelines: [PipelineRecord], _ services: Services)
        -> [VectorDonor]
    {
        pipelines.filter {
            $0.alias == names.alias && $0.index != names.chunks && $0.state != .retired
                && $0.names.fingerprint.vectorSettings == names.fingerprint.vectorSettings
        }.map {
            let index = OpenSearchIndex(name: $0.index, client: services.openSearch, time: services.time)
            return VectorDonor(name: $0.index, chunks: index)
        }
    }
}

extension KnownChunks {
    /// The live generation of the document in a donor's index.
    struct Donated: Sendable {
        let donor: VectorDonor
        let generation: Int
        let byHash: [String: Int]

        init(_ donor: VectorDonor, generation: Int, hashes: [Int: String]) {
            self.donor = donor
            self.generation = generation
            byHash = Dictionary(hashes.map { ($1, $0) }) { min($0, $1) }
        }

        func has(_ hash: String) -> Bool { byHash[hash] != nil }

        /// Vectors of those of `chunks` that are found nowhere nearer, by chunk index. None where the donor cannot be read.
        func vectors(for chunks: [ChunkPayload], of known: KnownChunks) async throws -> [Int: [Float]] {
            let pairs = chunks.compactMap { chunk -> (target: Int, source: Int)? in
                guard known.own[chunk.contentHash] == nil, known.byLiveHash[chunk.contentHash] == nil else {
                    return nil
                }
                return byHash[chunk.contentHash].map { (chunk.index, $0) }
            }
            guard !pairs.isEmpty else { return [:] }
            let places = Set(pairs.map(\.source)).sorted()
            let found = try? await donor.chunks.vectors(known.document, generation: generation, chunks: places)
            try Task.checkCancellation()
            return Dictionary(
                pairs.compactMap { pair in found?[pair.source].map { (pair.target, $0) } },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }
}
