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

    /// The bytes that a frame says it holds; nil where it does not say, or is no zstd frame.
    package static func contentSize(_ bytes: [UInt8]) -> Int? {
        Int(exactly: ZSTD_getFrameContentSize(bytes, bytes.count))  // unknown and error are the largest values
    }

    /// Nil for what is no zstd frame, or holds more than `maximum` bytes.
    package static func decompress(_ bytes: [UInt8], maximum: Int) -> [UInt8]? {
        guard let size = contentSize(bytes), size <= maximum else { return nil }
        var isWhole = false
        let output = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let written = ZSTD_decompress(buffer.baseAddress, size, bytes, bytes.count)
            isWhole = ZSTD_isError(written) == 0 && written == size
            count = isWhole ? written : 0
        }
        return isWhole ? output : nil
    }
}
