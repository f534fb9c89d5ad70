/// A key in a bucket.
///
/// Keys are bytes to S3: two that differ in Unicode normalization alone are two objects, which Swift's strings would take for one.
package struct ObjectReference: Sendable, Codable, CustomStringConvertible {
    package var bucket: String
    package var key: String

    package init(bucket: String, key: String) {
        self.bucket = bucket
        self.key = key
    }

    package var description: String { "s3://\(bucket)/\(key)" }

    /// The last part of the key.
    package var name: String {
        key.utf8.split(separator: 0x2F).last.flatMap { String(Substring($0)) } ?? ""
    }

    /// The key up to its last slash, with it; empty where there is none.
    package var folder: String {
        guard let slash = key.utf8.lastIndex(of: 0x2F) else { return "" }
        return String(decoding: key.utf8[...slash], as: UTF8.self)
    }
}

extension ObjectReference: Hashable, Comparable {
    package static func == (left: Self, right: Self) -> Bool {
        left.key.utf8.elementsEqual(right.key.utf8) && left.bucket.utf8.elementsEqual(right.bucket.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for text in [bucket, key] {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
            hasher.combine(UInt8(0xFF))
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        if !left.bucket.utf8.elementsEqual(right.bucket.utf8) {
            return left.bucket.utf8.lexicographicallyPrecedes(right.bucket.utf8)
        }
        return left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
    }
}
