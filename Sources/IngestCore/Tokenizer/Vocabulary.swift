import CVocabulary

/// Ranks of byte strings: cl100k_base's 100,256 tokens in an open-addressing table, built once from the compiled-in list.
///
/// Unchecked: the memory is written by `init` only.
final class Vocabulary: @unchecked Sendable {
    static let cl100k = Vocabulary()
    static let notAToken = Int32.max

    private struct Slot {
        /// Up to 8 bytes packed, else a hash of them.
        var key: UInt64
        var rank: Int32
        var length: UInt32
    }

    private static let tokenCount = 100_256
    private static let capacity = 1 << 18
    /// A bit for each token, at 20 bits of its hash: small enough for a core's own cache, and without it the table, which is not, would say no ten times of eleven.
    private static let filterBits: UInt64 = 20
    private let slots: UnsafeMutablePointer<Slot>
    private let filter: UnsafeMutablePointer<UInt64>
    private let pairs: UnsafeMutablePointer<Int32>
    private let offsets: UnsafeMutablePointer<UInt32>
    private let tokens: UnsafePointer<UInt8>
    /// Bytes of the longest token.
    let longestToken: Int

    private init() {
        let lengths = UnsafePointer(cl100k_vocabulary_start())
        tokens = lengths + Self.tokenCount
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: Slot(key: 0, rank: -1, length: 0), count: Self.capacity)
        filter = .allocate(capacity: 1 << (Self.filterBits - 6))
        filter.initialize(repeating: 0, count: 1 << (Self.filterBits - 6))
        pairs = .allocate(capacity: 1 << 16)
        pairs.initialize(repeating: Self.notAToken, count: 1 << 16)
        offsets = .allocate(capacity: Self.tokenCount)
        longestToken = (0..<Self.tokenCount).reduce(0) { max($0, Int(lengths[$1])) }
        var offset = 0
        for rank in 0..<Self.tokenCount {
            let length = Int(lengths[rank])
            offsets[rank] = UInt32(offset)
            insert(tokens + offset, length, Int32(rank))
            offset += length
        }
    }

    private func insert(_ token: UnsafePointer<UInt8>, _ length: Int, _ rank: Int32) {
        if length == 2 { pairs[Int(token[0]) << 8 | Int(token[1])] = rank }
        let key = Self.key(token, length)
        let hash = Self.hash(key, length)
        let bit = Self.filterBit(hash)
        filter[bit.word] |= bit.mask
        var index = Self.slot(hash)
        while slots[index].rank >= 0 { index = (index + 1) & (Self.capacity - 1) }
        slots[index] = Slot(key: key, rank: rank, length: UInt32(length))
    }

    /// The rank of a token of two bytes.
    @inline(__always)
    func rank(_ first: UInt8, _ second: UInt8) -> Int32 { pairs[Int(first) << 8 | Int(second)] }

    /// The rank of a byte string, or `notAToken`.
    @inline(__always)
    func rank(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> Int32 {
        if length == 2 { return rank(bytes[0], bytes[1]) }
        let key = Self.key(bytes, length)
        return rank(bytes, length, key, Self.hash(key, length))
    }

    /// The same of bytes that are most often no token, as those of two parts are.
    @inline(__always)
    func rankIfAny(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> Int32 {
        if length == 2 { return rank(bytes[0], bytes[1]) }
        let key = Self.key(bytes, length)
        let hash = Self.hash(key, length)
        let bit = Self.filterBit(hash)
        return filter[bit.word] & bit.mask == 0 ? Self.notAToken : rank(bytes, length, key, hash)
    }

    @inline(__always)
    private func rank(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ key: UInt64, _ hash: UInt64) -> Int32 {
        var index = Self.slot(hash)
        while true {
            let slot = slots[index]
            if slot.rank < 0 { return Self.notAToken }
            if slot.key == key, slot.length == UInt32(truncatingIfNeeded: length),
                length <= 8 || isToken(slot.rank, bytes, length)
            {
                return slot.rank
            }
            index = (index + 1) & (Self.capacity - 1)
        }
    }

    private func isToken(_ rank: Int32, _ bytes: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let token = tokens + Int(offsets[Int(rank)])
        for index in 0..<length where token[index] != bytes[index] { return false }
        return true
    }

    private static let firstMultiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let secondMultiplier: UInt64 = 0xD6E8_FEB8_6659_FD93

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }

    @inline(__always)
    private static func key(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        let raw = UnsafeRawPointer(bytes)
        if length <= 8 {
            if length >= 4 {
                let low = UInt64(raw.loadUnaligned(as: UInt32.self))
                let high = UInt64(raw.loadUnaligned(fromByteOffset: length - 4, as: UInt32.self))
                return low | high << UInt64((length - 4) * 8)
            }
            let middle = UInt64(bytes[length >> 1]) << UInt64((length >> 1) * 8)
            return UInt64(bytes[0]) | middle | UInt64(bytes[length - 1]) << UInt64((length - 1) * 8)
        }
        var hash = UInt64(length)
        var offset = 0
        while offset + 8 < length {
            hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self), firstMultiplier)
            offset += 8
        }
        return fold(hash ^ raw.loadUnaligned(fromByteOffset: length - 8, as: UInt64.self), secondMultiplier)
    }

    @inline(__always)
    private static func hash(_ key: UInt64, _ length: Int) -> UInt64 {
        fold(key ^ UInt64(length) &* secondMultiplier, firstMultiplier)
    }

    @inline(__always)
    private static func slot(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (capacity - 1) }

    @inline(__always)
    private static func filterBit(_ hash: UInt64) -> (word: Int, mask: UInt64) {
        let bit = hash >> (64 - filterBits)
        return (Int(bit >> 6), 1 << (bit & 63))
    }
}
