import ExtractionWire
import Resilience

/// What a bucket says of its objects beside their bytes.
package protocol ObjectDescriptions: Sendable {
    /// The object's user metadata and how many tags it has, without its bytes; nil where there is no such object.
    func describe(_ object: ObjectReference) async throws -> ObjectDescription?
    /// The object's tags, as S3's XML.
    func tags(_ object: ObjectReference) async throws -> XMLElement?
}

package struct ObjectDescription: Equatable, Sendable {
    /// Names without `x-amz-meta-`, in small letters.
    package var userMetadata: [String: String] = [:]
    /// 0 where there are none, or where the role may not read them.
    package var tagCount = 0

    package init() {}
}

/// A store whose objects are their bytes and what stands beside them: an object has changed where either has. The identity that it gives for an ETag has both.
package struct DescribedObjects: ObjectStore {
    private let store: any ObjectStore & ObjectDescriptions
    private let settings: MetadataSettings
    private static let maximumSidecar = 1 << 20

    package init(_ store: any ObjectStore & ObjectDescriptions, settings: MetadataSettings) {
        (self.store, self.settings) = (store, settings)
    }

    package func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome {
        let (etag, digest) = Content.parts(known)
        switch try await store.read(object, unless: etag) {
        case .missing: return .missing
        case .object(var stored):
            stored.metadata = try await metadata(of: object, stored.description, etag: stored.etag)
            return .object(stored.identified)
        case .unchanged:
            guard let description = try await store.describe(object) else { return .missing }
            let metadata = try await metadata(of: object, description, etag: etag ?? "")
            if metadata.digest == digest { return .unchanged }
            // Its bytes are needed once more; its vectors are not.
            return try await read(object, unless: nil)
        }
    }

    private func metadata(of object: ObjectReference, _ description: ObjectDescription, etag: String) async throws
        -> DocumentMetadata
    {
        var metadata = DocumentMetadata()
        if settings.sources.contains(.user) {
            for (name, value) in description.userMetadata.sorted(by: { $0.key < $1.key }) {
                metadata.set(name, .text(value))
            }
        }
        if settings.sources.contains(.tags), description.tagCount > 0, let tags = try await store.tags(object) {
            metadata.add(tags: tags)
        }
        if settings.sources.contains(.sidecar) {
            let sidecar = ObjectReference(bucket: object.bucket, key: object.key + MetadataSettings.suffix)
            // A longer key cannot be.
            if sidecar.key.utf8.count <= 1024,
                let bytes = try await store.readBytes(sidecar, maximum: Self.maximumSidecar),
                !metadata.add(sidecar: bytes)
            {
                let detail =
                    "its sidecar \(sidecar.name) is not a JSON object of metadataAttributes: correct it or delete it"
                throw RefusedObject(
                    Rejection(.malformed, detail),
                    etag: Content.identity(etag, "sidecar \(bytes.count)")
                )
            }
        }
        return metadata
    }

    package func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]? {
        try await store.readBytes(object, maximum: maximum)
    }

    package func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws {
        try await store.write(object, bytes)
    }

    package func delete(_ object: ObjectReference) async throws { try await store.delete(object) }
}

extension StoredObject {
    /// With an identity of bytes and metadata in place of the ETag of the bytes.
    fileprivate var identified: StoredObject {
        var copy = self
        copy.etag = etag.isEmpty ? "" : Content.identity(etag, metadata.digest)
        return copy
    }
}

extension Content {
    /// No ETag has it (RFC 9110 §8.8.3).
    private static let separator: UInt8 = 0x1F

    /// What distinguishes an object of these bytes and this metadata.
    static func identity(_ etag: String, _ digest: String) -> String {
        digest.isEmpty ? etag : "\(etag)\(Character(Unicode.Scalar(separator)))\(digest)"
    }

    static func parts(_ identity: String?) -> (etag: String?, digest: String) {
        guard let identity else { return (nil, "") }
        let bytes = identity.utf8
        guard let place = bytes.firstIndex(of: separator) else { return (identity, "") }
        return (
            String(decoding: bytes[..<place], as: UTF8.self),
            String(decoding: bytes[bytes.index(after: place)...], as: UTF8.self)
        )
    }

    /// The ETag of the bytes; empty where there is none.
    package var etagOfBytes: String {
        if case .etag(let identity) = self { Self.parts(identity).etag ?? "" } else { "" }
    }

    /// Whether these are the bytes of a listed object, whatever its metadata: a listing does not say it.
    package func hasBytes(of listed: Content) -> Bool {
        if case .etag = self, case .etag = listed { return etagOfBytes.utf8.elementsEqual(listed.etagOfBytes.utf8) }
        return self == listed
    }
}
