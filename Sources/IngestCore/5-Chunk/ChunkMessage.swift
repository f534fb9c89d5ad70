import AsyncPrimitives
import FoundationEssentials
import TextCoding

/// What `ingest-worker` hands to `embed-worker`: one generation of one document, its chunks inline or in an object.
package struct ChunkMessage: Equatable, Sendable {
    /// Raised when an older worker must not read a message. Workers read older versions and leave newer ones.
    package static let version = 2
    /// What all but `sweep` messages say, so that workers from before it read them.
    private static let plainVersion = 1

    /// What is said of the document as a whole.
    package struct Header: Equatable, Sendable, Codable {
        package var tenant: String
        package var object: ObjectReference
        package var documentID: String
        /// The physical index that the generation was reserved for.
        package var index: String
        package var fingerprint: String
        package var generation: Int
        package var content: Content
        /// 0 for a deletion.
        package var chunkCount: Int
        package var format = ""
        package var title = ""
        package var language = ""
        /// When the object was last modified, in ISO 8601; empty where the store does not say it.
        package var lastModified = ""
        package var author: String?
        /// How much the text looks like text, in percent.
        package var quality: Int?
        /// What readers may filter by (`DocumentNotes.flags`).
        package var flags: [String]?
        /// The share of the source's characters that are not in the text, in percent.
        package var leftOut: Int?
        /// Why the generation is empty, where that is no deletion, and the settings that this depended on.
        package var reason: String?
        package var reasonSettings: String?
        /// As the document states it, in ISO 8601 where it can be converted.
        package var created: String?
        package var modified: String?
        /// Targets of links, names of attachments, bookmarks: the first of each, cut to what a message carries.
        package var links: [String]?
        package var attachments: [String]?
        package var outline: [String]?
        /// Where the chunks' context is used; nil where they have none.
        package var context: ChunkingSettings.Context?
        /// The language whose analyzer words are matched with, besides the standard one.
        package var analyzer: String?
        /// Attributes of the object as a JSON object, who may see it, and where people read it.
        package var metadata: String?
        package var access: [String]?
        package var url: String?
        /// When the event was sent that the generation was made for.
        package var sent: Timestamp?
        /// Of a replay; nil for an upload. A word that this worker does not know is none.
        package var lane: String?

        package init(
            tenant: String,
            object: ObjectReference,
            documentID: String,
            index: String,
            fingerprint: String,
            generation: Int,
            content: Content,
            chunkCount: Int
        ) {
            self.tenant = tenant
            self.object = object
            self.documentID = documentID
            self.index = index
            self.fingerprint = fingerprint
            self.generation = generation
            self.content = content
            self.chunkCount = chunkCount
        }

        package var summary: TextSummary { TextSummary(quality: quality, flags: flags, leftOut: leftOut) }
        package var etag: String { content.etagOfBytes }
        package var urgency: Lane { lane.flatMap(Lane.init) ?? .live }
    }

    package enum Payload: Equatable, Sendable {
        /// zstd of the chunks' JSON.
        case inline([UInt8])
        /// The same in an object.
        case object(ObjectReference)
        /// No chunks: what a worker may have written of this generation after another had finished it is to be removed.
        case sweep
    }

    package var header: Header
    package var payload: Payload

    package init(header: Header, payload: Payload) {
        self.header = header
        self.payload = payload
    }

    private struct Wire: Codable {
        var version: Int
        var header: Header
        var chunks: String?
        var handoff: ObjectReference?
        var sweep: Bool?

        /// The names on the wire are those of the first version.
        enum CodingKeys: String, CodingKey {
            case version, header, chunks
            case handoff = "handOver"
            case sweep = "tidying"
        }
    }

    /// A body without an effect, of a document that does not exist, with a character that SQS rejects: for probes.
    package static func probeBody(index: String) throws -> String {
        let object = ObjectReference(bucket: "probe", key: "probe\u{FFFE}")
        let header = Header(
            tenant: "probe",
            object: object,
            documentID: DocumentID(tenant: "probe", object: object).description,
            index: index,
            fingerprint: "",
            generation: 0,
            content: .unknown,
            chunkCount: 0
        )
        return try ChunkMessage(header: header, payload: .sweep).encoded().replacing("\\ufffe", with: "\u{FFFE}")
    }

    private struct VersionOnly: Decodable { var version: Int }

    package func encoded() throws -> String {
        var wire = Wire(version: payload == .sweep ? Self.version : Self.plainVersion, header: header)
        var chunks: String?
        switch payload {
        case .inline(let bytes): chunks = Data(bytes).base64EncodedString()
        case .object(let reference): wire.handoff = reference
        case .sweep: wire.sweep = true
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        var body = Self.withoutNoncharacters(try encoder.encode(wire))
        // Base64 needs no escapes: the bulk of the message is copied once.
        if let chunks {
            body.removeLast()
            body.reserveCapacity(body.count + chunks.utf8.count + 16)
            body += #","chunks":""#.utf8
            body += chunks.utf8
            body += "\"}".utf8
        }
        return String(decoding: body, as: UTF8.self)
    }

    /// A key may hold U+FFFE and U+FFFF, which SQS refuses in a message; they occur inside strings only, where an escape means the same.
    private static func withoutNoncharacters(_ json: Data) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(json.count)
        for byte in json {
            bytes.append(byte)
            guard byte == 0xBE || byte == 0xBF, bytes.suffix(3).starts(with: [0xEF, 0xBF]) else { continue }
            bytes.removeLast(3)
            bytes += (byte == 0xBE ? "\\ufffe" : "\\uffff").utf8
        }
        return bytes
    }

    package enum Unreadable: Error, Equatable {
        /// Written by a newer worker, for newer workers.
        case newer(Int)
        case malformed
        /// It has the form of a chunk message, and says what no `ingest-worker` says.
        case invalid(String)
    }

    package init(decoding body: String) throws(Unreadable) {
        let data = Data(body.utf8)
        guard let version = try? JSONDecoder().decode(VersionOnly.self, from: data).version else { throw .malformed }
        guard version <= Self.version else { throw .newer(version) }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: data) else { throw .malformed }
        header = wire.header
        guard DocumentRecord.chunkCounts.contains(header.chunkCount) else {
            throw .invalid("a count of chunks out of range")
        }
        guard DocumentRecord.generations.contains(header.generation) else {
            throw .invalid("a generation out of range")
        }
        guard header.documentID == DocumentID(tenant: header.tenant, object: header.object).description,
            BucketName.isValid(header.object.bucket)
        else { throw .invalid("a document id that is not its object's") }
        // It is written into the index as it is.
        if let metadata = header.metadata {
            guard metadata.utf8.count <= DocumentMetadata.longestJSON,
                metadata.utf8.first == 0x7B, metadata.utf8.last == 0x7D,
                case .object = JSONValue(parsing: Array(metadata.utf8))
            else { throw .invalid("metadata that is not a JSON object") }
        }
        if let chunks = wire.chunks, let bytes = Data(base64Encoded: chunks) {
            payload = .inline(Array(bytes))
        } else if let object = wire.handoff {
            payload = .object(object)
        } else if wire.sweep == true {
            payload = .sweep
        } else {
            throw .malformed
        }
    }
}
