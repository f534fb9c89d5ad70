import Foundation

/// Writes small zip files, true ones and ones that lie.
struct ZipBuilder {
    struct Part {
        var name: String
        var bytes: [UInt8]
        /// What the headers say, where it is not so.
        var claimedBytes: Int?
        var claimedChecksum: UInt32?
        var isEncrypted = false

        init(
            _ name: String,
            _ text: String,
            claimedBytes: Int? = nil,
            claimedChecksum: UInt32? = nil,
            isEncrypted: Bool = false
        ) {
            (self.name, bytes) = (name, Array(text.utf8))
            (self.claimedBytes, self.claimedChecksum, self.isEncrypted) = (claimedBytes, claimedChecksum, isEncrypted)
        }
    }

    /// Parts are stored as they are.
    static func zip(_ parts: [Part], overlapping: Bool = false) -> [UInt8] {
        var (file, directory) = ([UInt8](), [UInt8]())
        for part in parts {
            let name = Array(part.name.utf8)
            let offset = overlapping ? 0 : file.count
            let size = part.claimedBytes ?? part.bytes.count
            var common: [UInt8] = []
            common += short(part.isEncrypted ? 1 : 0) + short(0) + short(0) + short(0)
            common +=
                long(part.claimedChecksum ?? checksum(part.bytes)) + long(UInt32(part.bytes.count)) + long(UInt32(size))
            file += long(0x0403_4B50) + short(20) + common + short(name.count) + short(0) + name + part.bytes
            directory += long(0x0201_4B50) + short(20) + short(20) + common + short(name.count) + short(0) + short(0)
            directory += short(0) + short(0) + long(0) + long(UInt32(offset)) + name
        }
        let end = long(0x0605_4B50) + short(0) + short(0) + short(parts.count) + short(parts.count)
        return file + directory + end + long(UInt32(directory.count)) + long(UInt32(file.count)) + short(0)
    }

    private static func short(_ value: Int) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8 & 0xFF)] }
    private static func long(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (8 * UInt32($0)) & 0xFF) } }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }
}
