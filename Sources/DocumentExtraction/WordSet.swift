/// A fixed set of ASCII words, looked up by their bytes without regard to case.
struct WordSet {
    /// FNV-1a of a word in small letters.
    struct Hash {
        private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ byte: UInt8) {
            value = (value ^ UInt64((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)) &* 0x100_0000_01B3
        }
    }

    /// Open addressing; 0 is empty.
    private var slots: [UInt64]

    init(_ words: String) {
        let hashes = words.split(separator: " ").map { Self.hash($0.utf8) }
        slots = [UInt64](repeating: 0, count: 512)
        for hash in hashes {
            var slot = Int(hash & 511)
            while slots[slot] != 0 { slot = (slot + 1) & 511 }
            slots[slot] = hash
        }
    }

    func contains(_ hash: UInt64) -> Bool {
        var slot = Int(hash & 511)
        while slots[slot] != 0 {
            if slots[slot] == hash { return true }
            slot = (slot + 1) & 511
        }
        return false
    }

    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = Hash()
        for byte in bytes { hash.add(byte) }
        return hash.value
    }
}
