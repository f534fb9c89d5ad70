/// A reflected CRC with all-ones start and end, eight bytes a step. S3 stores crc32, crc32c and crc64nvme of objects.
struct CyclicRedundancyCheck<Word: FixedWidthInteger & UnsignedInteger> {
    private let tables: [Word]
    private var state = Word.max

    /// - Parameter polynomial: in reversed bit order.
    init(polynomial: Word) {
        var tables = [Word](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = Word(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
            tables[byte] = value
        }
        for step in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(step - 1) * 256 + byte]
                tables[step * 256 + byte] = before >> 8 ^ tables[Int(truncatingIfNeeded: before & 0xFF)]
            }
        }
        self.tables = tables
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var state = state
        tables.withUnsafeBufferPointer { tables in
            var index = 0
            while index + 8 <= bytes.count {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ UInt64(state)
                state = 0
                for step in 0..<8 { state ^= tables[(7 - step) * 256 + Int(word >> (step * 8) & 0xFF)] }
                index += 8
            }
            while index < bytes.count {
                state = state >> 8 ^ tables[Int(truncatingIfNeeded: state & 0xFF ^ Word(bytes[index]))]
                index += 1
            }
        }
        self.state = state
    }

    /// Big-endian, as S3's headers have it.
    var bytes: [UInt8] { withUnsafeBytes(of: (~state).bigEndian) { Array($0) } }
}

extension CyclicRedundancyCheck where Word == UInt32 {
    static var crc32: Self { Self(polynomial: 0xEDB8_8320) }
    static var crc32c: Self { Self(polynomial: 0x82F6_3B78) }
}

extension CyclicRedundancyCheck where Word == UInt64 {
    static var crc64nvme: Self { Self(polynomial: 0x9A6C_9329_AC4B_C9B5) }
}
