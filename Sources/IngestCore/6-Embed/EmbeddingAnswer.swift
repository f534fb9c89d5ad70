/// Reads the answer of an embeddings endpoint: vectors as base64 of little-endian float32, or as arrays from servers that ignore the wish.
enum EmbeddingAnswer {
    /// The vectors in the order of the inputs, each checked and of unit length.
    static func vectors(_ body: [UInt8], count: Int, dimensions: Int) throws -> [[Float]] {
        var found = [[Float]?](repeating: nil, count: count)
        var scanner = JSONScanner(body)
        do {
            try scanner.object { scanner, key in
                guard key == "data" else { return try scanner.skip() }
                try scanner.array { scanner in
                    let (index, vector) = try item(&scanner)
                    guard found.indices.contains(index), found[index] == nil else {
                        throw Failure.transient("embeddings: the answer has no or two vectors for an input")
                    }
                    found[index] = vector
                }
            }
        } catch let error as JSONError {
            throw Failure.transient("embeddings: the answer is not understood: \(error)")
        }
        return try found.map { vector in
            guard let vector else {
                throw Failure.transient(
                    "embeddings: the answer has \(found.count { $0 != nil }) vectors for \(count) inputs"
                )
            }
            return try normalized(vector, dimensions)
        }
    }

    private static func item(_ scanner: inout JSONScanner) throws -> (index: Int, vector: [Float]) {
        var index = -1
        var vector: [Float] = []
        try scanner.object { scanner, key in
            switch key {
            case "index": index = try scanner.integer()
            case "embedding":
                if try scanner.peek() == .string {
                    guard let floats = Base64Floats.decode(try scanner.plainString()) else {
                        throw Failure.transient("embeddings: a vector is not base64 of float32")
                    }
                    vector = floats
                } else {
                    try scanner.floats(into: &vector)
                }
            default: try scanner.skip()
            }
        }
        return (index, vector)
    }

    private static func normalized(_ vector: [Float], _ dimensions: Int) throws -> [Float] {
        guard vector.count == dimensions else {
            throw Failure.fleet(
                "the embeddings have \(vector.count) dimensions, the index has \(dimensions) (EMBEDDING_MODEL, EMBEDDING_DIMENSIONS)"
            )
        }
        let norm = vector.reduce(Double(0)) { $0 + Double($1) * Double($1) }.squareRoot()
        guard norm.isFinite, norm > 1e-6 else { throw Failure.transient("embeddings: a vector is zero or not finite") }
        if (0.999...1.001).contains(norm) { return vector }
        return vector.map { Float(Double($0) / norm) }
    }
}

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
