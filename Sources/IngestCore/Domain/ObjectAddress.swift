/// `s3://bucket/key` as an operator writes it: an object, or the prefix of keys.
package struct ObjectAddress: Equatable, Sendable, CustomStringConvertible {
    package var bucket: String
    /// Empty for the whole bucket.
    package var key: String
    /// As it was written: a star may be a part of a key.
    package var writtenKey: String
    /// Every object below: it ends with a slash or a star, or names no key.
    package var isPrefix: Bool

    /// Nil for what is no address.
    package init?(_ text: String) {
        guard text.hasPrefix("s3://") else { return nil }
        let parts = text.utf8.dropFirst(5).split(separator: 0x2F, maxSplits: 1, omittingEmptySubsequences: false)
        guard let bucket = parts.first.flatMap({ String($0) }), BucketName.isValid(bucket) else { return nil }
        self.bucket = bucket
        var key = parts.count > 1 ? String(parts[1]) ?? "" : ""
        writtenKey = key
        isPrefix = key.isEmpty || key.utf8.last == 0x2F || key.utf8.last == 0x2A
        if key.utf8.last == 0x2A { key = String(decoding: key.utf8.dropLast(), as: UTF8.self) }
        self.key = key
    }

    package var object: ObjectReference { ObjectReference(bucket: bucket, key: key) }

    /// The object that is called so, whatever its key ends with.
    package var writtenObject: ObjectReference { ObjectReference(bucket: bucket, key: writtenKey) }

    package func contains(_ object: ObjectReference) -> Bool {
        guard object.bucket.utf8.elementsEqual(bucket.utf8) else { return false }
        return isPrefix ? object.key.utf8.starts(with: key.utf8) : object.key.utf8.elementsEqual(key.utf8)
    }

    package var description: String { "s3://\(bucket)/\(key)\(isPrefix ? "*" : "")" }
}
