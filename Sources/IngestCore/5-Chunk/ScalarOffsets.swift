/// Byte offsets to scalar offsets. Called in about the order of the text, so it steps from the last result, in either direction.
struct ScalarOffsets {
    private let text: [UInt8]
    private var byte = 0
    private var scalar = 0

    init(_ text: [UInt8]) { self.text = text }

    mutating func scalars(before offset: Int) -> Int {
        while byte < offset {
            if text[byte] & 0xC0 != 0x80 { scalar += 1 }
            byte += 1
        }
        while byte > offset {
            byte -= 1
            if text[byte] & 0xC0 != 0x80 { scalar -= 1 }
        }
        return scalar
    }
}
