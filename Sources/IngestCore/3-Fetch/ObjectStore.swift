import ExtractionWire
import Resilience

/// A bucket store: objects by key.
package protocol ObjectStore: Sendable {
    /// Reads an object into a private file, verified. `known` is an ETag whose content is not needed again.
    func read(_ object: ObjectReference, unless known: String?) async throws -> ReadOutcome
    /// Reads a small object into memory; nil where there is none.
    func readBytes(_ object: ObjectReference, maximum: Int) async throws -> [UInt8]?
    func write(_ object: ObjectReference, _ bytes: [UInt8]) async throws
    /// An object that is not there counts as deleted.
    func delete(_ object: ObjectReference) async throws
}

/// A bucket's keys in the order of their bytes.
package protocol ObjectListing: Sendable {
    /// A page of at most `limit` (1 to 1,000) keys below `prefix` that stand after `start`; `next` is nil on the last one.
    func page(bucket: String, prefix: String, after start: String?, limit: Int) async throws -> ObjectPage
}

extension ObjectListing {
    /// What the bucket says of an object; nil where there is none. Of the keys with the object's as prefix its own is the first.
    package func entry(_ object: ObjectReference) async throws -> ObjectPage.Entry? {
        let page = try await page(bucket: object.bucket, prefix: object.key, after: nil, limit: 1)
        return page.entries.first { $0.key.utf8.elementsEqual(object.key.utf8) }
    }
}

package enum ReadOutcome: Sendable {
    case object(StoredObject)
    /// The object still has the known ETag.
    case unchanged
    /// There is no such object.
    case missing
}

/// An object that is refused before it is read; `etag` where the response has it.
package struct RefusedObject: ClassifiedError, Sendable {
    package var rejection: Rejection
    package var etag: String?

    package init(_ rejection: Rejection, etag: String? = nil) {
        self.rejection = rejection
        self.etag = etag
    }

    package var failure: Failure { .document(rejection) }
}

/// What GET returned, pinned: the bytes are these, whatever happens to the key.
package struct StoredObject: Sendable {
    package var file: TemporaryFile
    package var bytes: Int
    /// Without quotes; empty where the server sends none, which is equal to nothing.
    package var etag: String
    package var contentType: String
    /// As the object's metadata has it: nothing was decoded.
    package var contentEncoding: String
    package var lastModified: String
    /// What the response said beside the bytes.
    package var description = ObjectDescription()
    /// What is known of it beside its bytes.
    package var metadata = DocumentMetadata()

    package init(
        file: TemporaryFile,
        bytes: Int,
        etag: String,
        contentType: String = "",
        contentEncoding: String = "",
        lastModified: String = ""
    ) {
        self.file = file
        self.bytes = bytes
        self.etag = etag
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.lastModified = lastModified
    }
}

extension StoredObject {
    /// What its name and its store say of its format.
    func hints(_ object: ObjectReference) -> ExtractionHints {
        ExtractionHints(name: object.name, contentType: contentType, contentEncoding: contentEncoding)
    }
}

package struct ObjectPage: Sendable {
    package struct Entry: Sendable {
        package var key: String
        package var bytes: Int
        package var etag: String
        /// As S3 writes it, in ISO 8601; empty where it does not.
        package var lastModified: String

        package init(key: String, bytes: Int, etag: String, lastModified: String = "") {
            self.key = key
            self.bytes = bytes
            self.etag = etag
            self.lastModified = lastModified
        }
    }

    package var entries: [Entry]
    /// Whether there are more: S3's token. Nil on the last page.
    package var next: String?

    package init(entries: [Entry], next: String? = nil) {
        self.entries = entries
        self.next = next
    }
}
