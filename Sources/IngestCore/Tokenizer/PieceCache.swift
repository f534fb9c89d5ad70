import AsyncPrimitives

/// Token counts of pieces that are no token of their own: names and identifiers come again and again, and merging them is most of the time that counting takes.
///
/// Of one thread. What it holds is the same for every document.
final class PieceCache {
    private struct Slot {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var length: Int32 = 0
        var count: Int32 = 0
    }

    private static let bits: UInt64 = 16
    /// Longer ones are rare.
    static let longest = 32
    private let slots: UnsafeMutablePointer<Slot>

    init() {
        slots = .allocate(capacity: 1 << Self.bits)
        slots.initialize(repeating: Slot(), count: 1 << Self.bits)
    }

    deinit { slots.deallocate() }

    /// The count of a piece of at most `longest` bytes: what is known, or what `count` says.
    @inline(__always)
    func count(_ piece: UnsafePointer<UInt8>, _ length: Int, _ count: () -> Int) -> Int {
        let words = Self.words(piece, length)
        let sum = words.0 ^ words.1 &* 0xD6E8_FEB8_6659_FD93 ^ words.2 &* 0xC2B2_AE3D_27D4_EB4F ^ words.3
        let mixed = sum &* 0x9E37_79B9_7F4A_7C15
        let slot = slots + Int(truncatingIfNeeded: mixed >> (64 - Self.bits))
        if slot.pointee.words == words, slot.pointee.length == Int32(truncatingIfNeeded: length) {
            return Int(slot.pointee.count)
        }
        let found = count()
        let (size, tokens) = (Int32(truncatingIfNeeded: length), Int32(truncatingIfNeeded: found))
        slot.pointee = Slot(words: words, length: size, count: tokens)
        return found
    }

    /// All bytes of the piece. Loads overlap, which is no loss among pieces of one length.
    @inline(__always)
    private static func words(_ piece: UnsafePointer<UInt8>, _ length: Int) -> (UInt64, UInt64, UInt64, UInt64) {
        let raw = UnsafeRawPointer(piece)
        if length >= 8 {
            let first = raw.loadUnaligned(as: UInt64.self)
            let last = raw.loadUnaligned(fromByteOffset: length - 8, as: UInt64.self)
            guard length > 16 else { return (first, last, 0, 0) }
            let second = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            return (first, last, second, raw.loadUnaligned(fromByteOffset: length - 16, as: UInt64.self))
        }
        if length >= 4 {
            let low = UInt64(raw.loadUnaligned(as: UInt32.self))
            return (low | UInt64(raw.loadUnaligned(fromByteOffset: length - 4, as: UInt32.self)) << 32, 0, 0, 0)
        }
        return (UInt64(piece[0]) | UInt64(piece[length >> 1]) << 8 | UInt64(piece[length - 1]) << 16, 0, 0, 0)
    }
}

/// Caches that are not in use: each document takes one, and the next finds what it knows.
final class PieceCaches: Sendable {
    private struct Idle: @unchecked Sendable {
        var caches: [PieceCache] = []
    }

    private let idle = LockedValue(Idle())

    func withCache<Result>(_ body: (PieceCache) throws -> Result) rethrows -> Result {
        let cache = idle.withLock { $0.caches.popLast() } ?? PieceCache()
        defer { idle.withLock { $0.caches.append(cache) } }
        return try body(cache)
    }
}

/// What a stretch of text has of tokens, with its first and its last piece: where two stretches meet, only these may have others.
struct PieceTokens: Equatable {
    var total = 0
    var pieces = 0
    /// Bytes from the start of the stretch.
    var firstEnd = 0
    var firstTokens = 0
    var lastStart = 0
    var lastTokens = 0
}
