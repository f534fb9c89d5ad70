/// Base64 straight into floats.
enum Base64Floats {
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, character) in alphabet.utf8.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()

    /// Nil where the text is not base64 of whole little-endian floats.
    static func decode(_ text: ArraySlice<UInt8>) -> [Float]? {
        var text = text
        while text.last == 0x3D { text.removeLast() }
        let byteCount = text.count * 3 / 4
        guard byteCount % 4 == 0, text.count % 4 != 1 else { return nil }
        var isValid = true
        let floats = [Float](unsafeUninitializedCapacity: byteCount / 4) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            isValid = values.withUnsafeBufferPointer { table in
                text.withUnsafeBufferPointer { fill(bytes, byteCount, $0, table) }
            }
            count = isValid ? byteCount / 4 : 0
        }
        return isValid ? floats : nil
    }

    private static func fill(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ byteCount: Int,
        _ text: UnsafeBufferPointer<UInt8>,
        _ table: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        var position = 0
        var invalid: UInt8 = 0
        for start in stride(from: 0, to: text.count, by: 4) {
            var group: UInt32 = 0
            for offset in 0..<4 {
                let value = start + offset < text.count ? table[Int(text[start + offset])] : 0
                invalid |= value
                group = group << 6 | UInt32(value & 0x3F)
            }
            for shift in [UInt32(16), 8, 0] where position < byteCount {
                bytes[position] = UInt8(truncatingIfNeeded: group >> shift)
                position += 1
            }
        }
        return invalid & 0x80 == 0
    }
}
