import AsyncPrimitives

/// What the ledger knows of a document in one physical index. Generations count up from 1; 0 is "never".
///
/// The rules that change a record are in `DocumentRecord+Ingest` and `DocumentRecord+Embed`. They are pure, and were explored
/// exhaustively together: none may be changed alone.
package struct DocumentRecord: Hashable, Sendable, Codable {
    package var tenant: String
    package var bucket: String
    package var key: String
    package var index: String
    /// The highest generation ever given out.
    package var newest = 0
    /// What readers see.
    package var live: LiveGeneration?
    /// What is being made.
    package var pending: PendingGeneration?
    /// Generations whose chunks are to be deleted.
    package var retired: [RetiredGeneration] = []
    /// Generations above the live one that will never be.
    package var rejected: [RejectedGeneration] = []
    /// Counts decisions that changed nothing else, so that each of them is a write that others' writes conflict with.
    package var touches = 0
    /// When the record was made, in milliseconds since 1970.
    package var created: Timestamp
    /// What its embeddings have cost, over all of its committed versions: tokens, and billionths of a dollar.
    package var paidTokens: Int?
    package var paidCost: Int?

    package init(tenant: String, object: ObjectReference, index: String, created: Timestamp) {
        self.tenant = tenant
        bucket = object.bucket
        key = object.key
        self.index = index
        self.created = created
    }

    package var object: ObjectReference { ObjectReference(bucket: bucket, key: key) }
}

/// What an object holds, as the ledger distinguishes contents. ETags are bytes: canonical equivalence does not make two of them equal.
package enum Content: Sendable, Codable {
    case absent
    case etag(String)
    /// Not known: the chunk payload was lost, or the server sends no ETag. Never taken for what is in the bucket.
    case unknown

    /// - Parameter etag: empty where the server sends none.
    package init(etag: String) { self = etag.isEmpty ? .unknown : .etag(etag) }

    private enum CodingKeys: CodingKey { case absent, etag, unknown }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        if let etag = try fields.decodeIfPresent(String.self, forKey: .etag) {
            self = .etag(etag)
        } else {
            self = try fields.decodeIfPresent(Bool.self, forKey: .absent) == true ? .absent : .unknown
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .absent: try fields.encode(true, forKey: .absent)
        case .etag(let etag): try fields.encode(etag, forKey: .etag)
        case .unknown: try fields.encode(true, forKey: .unknown)
        }
    }
}

extension Content: Hashable {
    package static func == (left: Content, right: Content) -> Bool {
        switch (left, right) {
        case (.absent, .absent), (.unknown, .unknown): true
        case (.etag(let left), .etag(let right)): left.utf8.elementsEqual(right.utf8)
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .absent: hasher.combine(0)
        case .unknown: hasher.combine(1)
        case .etag(let etag): for byte in etag.utf8 { hasher.combine(byte) }
        }
    }
}

package struct LiveGeneration: Hashable, Sendable, Codable {
    package var generation: Int
    package var content: Content
    package var chunkCount: Int
    package var committed: Timestamp
    /// Set where the live generation is empty because its content was rejected and the setting says to remove then.
    package var reason: String?
    /// The settings that this rejection depended on, as in `RejectedGeneration`.
    package var reasonSettings: String?
    /// How much its text looks like text, in percent; nil for one without text.
    package var quality: Int?
    /// What readers may filter by, and the share of the source's characters that are not in the text, in percent.
    package var flags: [String]?
    package var leftOut: Int?
    /// When its event was sent, and the trace that it belongs to.
    package var sent: Timestamp?
    package var trace: String?
    /// What its embeddings have cost: tokens, and billionths of a dollar. Vectors that were there already cost nothing.
    package var tokens: Int?
    package var cost: Int?
}

/// The event that a generation was made for.
package struct EventOrigin: Hashable, Sendable {
    package var sent: Timestamp?
    package var trace: String?
    package var lane = Lane.live

    package init(sent: Timestamp? = nil, trace: String? = nil) { (self.sent, self.trace) = (sent, trace) }
}

/// What the ledger keeps of a document's text.
package struct TextSummary: Hashable, Sendable {
    package var quality: Int?
    package var flags: [String]?
    package var leftOut: Int?

    package init(quality: Int? = nil, flags: [String]? = nil, leftOut: Int? = nil) {
        (self.quality, self.flags, self.leftOut) = (quality, flags, leftOut)
    }
}

package struct PendingGeneration: Hashable, Sendable, Codable {
    package var generation: Int
    package var content: Content
    package var chunkCount: Int
    /// The queue has confirmed the chunk message. Until then the generation counts for nothing: its owner may have died.
    package var handedOff: Bool
    /// When it was reserved, when its event was sent, and the trace that it belongs to.
    package var since: Timestamp?
    package var sent: Timestamp?
    package var trace: String?
    /// Nil for an upload.
    package var lane: String?

    /// A batch may take a day.
    package var waitsForBatch: Bool { lane == Lane.batch.rawValue }

    private enum CodingKeys: String, CodingKey {
        case generation, content, chunkCount, since, sent, trace, lane
        case handedOff = "handedOver"
    }
}

package struct RetiredGeneration: Hashable, Sendable, Codable {
    package var generation: Int
    package var chunkCount: Int

    package init(generation: Int, chunkCount: Int) {
        self.generation = generation
        self.chunkCount = chunkCount
    }
}

package struct RejectedGeneration: Hashable, Sendable, Codable {
    package var generation: Int
    package var content: Content
    /// A `RejectionCode`'s name, or `abandoned`.
    package var reason: String
    package var detail: String
    /// The settings that the rejection depended on, `NAME=value`; empty where it depends on none.
    package var settings: String?
    /// When it was written.
    package var at: Timestamp?

    package static let abandoned = "abandoned"

    package var isAbandoned: Bool { reason == Self.abandoned }
}
