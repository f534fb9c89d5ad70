import CZstd

/// zstd frames in memory.
package enum Zstandard {
    private static let level: Int32 = 3

    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let written = ZSTD_compress(buffer.baseAddress, bound, bytes, bytes.count, level)
            precondition(ZSTD_isError(written) == 0, "zstd cannot compress into a buffer of its own bound")
            count = written
        }
    }

    /// Nil for what is no zstd frame, or holds more than `maximum` bytes.
    package static func decompress(_ bytes: [UInt8], maximum: Int) -> [UInt8]? {
        let size = ZSTD_getFrameContentSize(bytes, bytes.count)
        guard size <= UInt64(maximum) else { return nil }  // unknown and error are the largest values
        var isWhole = false
        let output = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            let written = ZSTD_decompress(buffer.baseAddress, Int(size), bytes, bytes.count)
            isWhole = ZSTD_isError(written) == 0 && written == Int(size)
            count = isWhole ? written : 0
        }
        return isWhole ? output : nil
    }
}
