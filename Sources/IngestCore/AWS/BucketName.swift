/// Names of buckets (S3 user guide, "general purpose bucket naming rules").
package enum BucketName {
    /// 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit. Capitals and `_`, which old buckets
    /// of us-east-1 and other servers have, are allowed; what cannot be part of a host or path is not.
    package static func isValid(_ name: String) -> Bool {
        guard (3...255).contains(name.utf8.count), let first = name.utf8.first, let last = name.utf8.last else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last) && !name.contains("..")
            && name.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
    }
}
