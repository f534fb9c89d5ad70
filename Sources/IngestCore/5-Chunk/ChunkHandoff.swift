import AsyncPrimitives
import ExtractionWire
import Resilience

/// How a document's chunks get from one worker to the other: in the message while they fit, else in an object of their own.
package struct ChunkHandoff: Sendable {
    package enum Loss: Error, Equatable {
        /// The object is gone: its generation can only be abandoned.
        case missing
        case corrupt
    }

    private let store: any ObjectStore
    private let bucket: String
    private let prefix: String
    private let inlineBytes: Int
    private let maximumBytes: Int
    private let computing: any Computing
    /// Chunks of fewer bytes are packed, and unpacked, in less time than a thread needs to start.
    private static let smallBytes = 64 << 10
    /// A chunk of 8,191 tokens, the most that CHUNK_TOKENS allows, of the longest token has 1 MB.
    private static let largestChunk = 2 << 20

    /// - Parameters:
    ///   - inlineBytes: the longest message body that travels inline.
    ///   - prefix: the key prefix of hand-off objects; a lifecycle rule on it expires those that no worker deleted.
    ///   - maximumBytes: of a document's chunks before compression; more is rejected here, and would be corrupt to the reader.
    ///   - computing: where large payloads are packed and unpacked.
    package init(
        store: any ObjectStore,
        bucket: String,
        prefix: String = "hand-over/",
        inlineBytes: Int,
        maximumBytes: Int = 512 << 20,
        computing: any Computing = ComputingOnThread()
    ) {
        self.store = store
        self.bucket = bucket
        self.prefix = prefix
        self.inlineBytes = inlineBytes
        self.maximumBytes = maximumBytes
        self.computing = computing
    }

    /// The message body for these chunks; where they do not fit, their object is written first.
    package func pack(_ header: ChunkMessage.Header, _ chunks: [Chunk]) async throws -> String {
        let size = chunks.reduce(0) { $0 + $1.text.utf8.count }
        let (payload, inline) = try await place(size).run { [maximumBytes, inlineBytes] in
            let plain = ChunkPayload.encode(chunks.map(ChunkPayload.init))
            guard plain.count <= maximumBytes else {
                let detail = "its chunks have \(plain.count >> 20) MB, the limit is \(maximumBytes >> 20) MB"
                throw Failure.document(Rejection(.outputLimit, detail))
            }
            let payload = Zstandard.compress(plain)
            guard payload.count < inlineBytes else { return (payload, nil as String?) }
            let inline = try ChunkMessage(header: header, payload: .inline(payload)).encoded()
            return (payload, inline.utf8.count <= inlineBytes ? inline : nil)
        }
        if let inline { return inline }
        let object = ObjectReference(bucket: bucket, key: prefix + Self.name(header))
        try await store.write(object, payload)
        return try ChunkMessage(header: header, payload: .object(object)).encoded()
    }

    private static func name(_ header: ChunkMessage.Header) -> String {
        "\(DocumentID(header.documentID).recordID(index: header.index))/\(header.generation).zst"
    }

    /// Whether the payload is where `pack` puts it: another object is neither read nor deleted, whatever a message says.
    package func isOwn(_ message: ChunkMessage) -> Bool {
        guard case .object(let object) = message.payload else { return true }
        let name = Self.name(message.header)
        guard object.bucket.utf8.elementsEqual(bucket.utf8), object.key.utf8.count >= name.utf8.count else {
            return false
        }
        return object.key.utf8.suffix(name.utf8.count).elementsEqual(name.utf8)
    }

    package func unpack(_ message: ChunkMessage) async throws -> ChunkSet {
        let packed: [UInt8]
        switch message.payload {
        case .inline(let bytes): packed = bytes
        case .object(let object):
            guard let bytes = try await store.readBytes(object, maximum: maximumBytes) else { throw Loss.missing }
            packed = bytes
        case .sweep: packed = Zstandard.compress(Array("[]".utf8))
        }
        // A small message may claim to unfold to anything.
        let count = message.header.chunkCount
        let most = min(maximumBytes, 65_536 + count * Self.largestChunk)
        return try await place(Zstandard.contentSize(packed) ?? 0).run {
            guard let bytes = Zstandard.decompress(packed, maximum: most), let chunks = try? ChunkSet(decoding: bytes),
                chunks.count == count
            else { throw Loss.corrupt }
            return chunks
        }
    }

    private func place(_ bytes: Int) -> any Computing { bytes <= Self.smallBytes ? ComputingInPlace() : computing }

    /// To be called last, before the message is deleted.
    package func discard(_ message: ChunkMessage) async throws {
        if case .object(let object) = message.payload { try await store.delete(object) }
    }
}
