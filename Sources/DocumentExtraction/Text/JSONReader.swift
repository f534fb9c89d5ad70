import ExtractionWire

/// JSON and JSON Lines: each value under the names that lead to it. Files inside it (base64) are left out, and so are lines that are damaged.
struct JSONReader {
    private var builder: TextBuilder
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var names: [String] = []
    private var notebook: Notebook?
    private static let maximumDepth = 256
    private static let maximumName = 256

    static func read(_ bytes: [UInt8], limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        let read = bytes.withUnsafeBufferPointer { bytes in
            Result { () throws(Rejection) in
                var reader = JSONReader(builder: TextBuilder(limit: limits.textBytes), bytes: bytes)
                if Notebook.isNotebook(bytes) { reader.notebook = Notebook() }
                try reader.values()
                return reader.builder
            }
        }
        return try read.get().document(.json, limits: limits)
    }

    private init(builder: TextBuilder, bytes: UnsafeBufferPointer<UInt8>) {
        (self.builder, self.bytes) = (builder, bytes)
    }

    private mutating func values() throws(Rejection) {
        let isLines = Self.isLines(bytes)
        skipBlanks()
        while index < bytes.count, !builder.isOverLimit {
            let start = index
            do {
                try value(depth: 0)
            } catch {
                guard isLines, start > 0 else { throw error }
                skipLine(from: start)
            }
            builder.begin(.paragraph)
            skipBlanks()
        }
    }

    /// Several lines that each begin a value of their own.
    private static func isLines(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var lines = 0
        for line in bytes.prefix(1 << 16).split(separator: 0x0A).prefix(3) {
            guard let first = line.first(where: { $0 > 0x20 }), let last = line.last(where: { $0 > 0x20 }),
                first == 0x7B && last == 0x7D || first == 0x5B && last == 0x5D
            else { continue }
            lines += 1
        }
        return lines >= 2
    }

    /// What a damaged line holds is left out.
    private mutating func skipLine(from start: Int) {
        builder.end()
        names = []
        index = start
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        builder.omit(.damaged, index - start)
    }

    private mutating func value(depth: Int) throws(Rejection) {
        guard depth < Self.maximumDepth else { throw malformed("is nested too deeply") }
        guard index < bytes.count, !builder.isOverLimit else { return }
        switch bytes[index] {
        case 0x7B: try object(depth)
        case 0x5B: try list(depth)
        case 0x22: emit(try string())
        default:
            let start = index
            while index < bytes.count, !Self.endsScalar(bytes[index]) { index += 1 }
            guard index > start else { throw malformed("has an unexpected byte at offset \(index)") }
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            guard ["true", "false", "null"].contains(text) || Double(text) != nil else {
                throw malformed("has no value at offset \(start)")
            }
            if text != "null" { emit(text) }
        }
    }

    private mutating func object(_ depth: Int) throws(Rejection) {
        index += 1
        skipBlanks()
        while !builder.isOverLimit {
            if take(0x7D) {
                if names == Notebook.cells { try notebook?.endCell(&builder) }
                return
            }
            guard index < bytes.count, bytes[index] == 0x22 else { throw malformed("has no name at offset \(index)") }
            names.append(String(try string().prefix(Self.maximumName)))
            skipBlanks()
            guard take(0x3A) else { throw malformed("has no colon at offset \(index)") }
            skipBlanks()
            try value(depth: depth + 1)
            names.removeLast()
            skipBlanks()
            if !take(0x2C), index < bytes.count, bytes[index] != 0x7D {
                throw malformed("has no comma at offset \(index)")
            }
            skipBlanks()
            guard index < bytes.count else { throw malformed("ends early") }
        }
    }

    private mutating func list(_ depth: Int) throws(Rejection) {
        index += 1
        skipBlanks()
        while !builder.isOverLimit {
            if take(0x5D) { return }
            try value(depth: depth + 1)
            skipBlanks()
            if !take(0x2C), index < bytes.count, bytes[index] != 0x5D {
                throw malformed("has no comma at offset \(index)")
            }
            skipBlanks()
            guard index < bytes.count else { throw malformed("ends early") }
        }
    }

    /// Long texts are paragraphs under their name, short values lines.
    private mutating func emit(_ text: String) {
        guard !text.isEmpty else { return }
        guard notebook?.add(text, names) != true else { return }
        guard !Self.isFile(text) else { return builder.omit(.encodedFile, text.utf8.count) }
        builder.begin(text.utf8.count > 400 ? .paragraph : .listItem)
        if !names.isEmpty { builder.append(names.suffix(3).joined(separator: ".") + ": ") }
        builder.append(text)
        builder.end()
    }

    /// A picture or another file in base64, with or without the address that says so (RFC 2397).
    private static func isFile(_ text: String) -> Bool {
        guard text.utf8.count >= leastFile else { return false }
        let data =
            text.hasPrefix("data:")
            ? text.utf8.firstIndex(of: 0x2C).map { text.utf8[$0...].dropFirst() } ?? text.utf8[...] : text.utf8[...]
        return data.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20)
                || [0x2B, 0x2F, 0x2D, 0x5F, 0x3D, 0x0A, 0x0D].contains($0)
        }
    }

    private static let leastFile = 512

    private mutating func string() throws(Rejection) -> String {
        index += 1
        var text: [UInt8] = []
        while index < bytes.count, bytes[index] != 0x22 {
            if bytes[index] != 0x5C {
                text.append(bytes[index])
                index += 1
                continue
            }
            guard index + 1 < bytes.count else { break }
            let escape = bytes[index + 1]
            index += 2
            switch escape {
            case 0x6E, 0x72, 0x74, 0x62, 0x66: text.append(escape == 0x6E ? 0x0A : 0x20)
            case 0x75: text.append(contentsOf: String(scalar()).utf8)
            default: text.append(escape)
            }
        }
        guard take(0x22) else { throw malformed("ends inside a string") }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func scalar() -> Unicode.Scalar {
        guard var value = unit() else { return "\u{FFFD}" }
        if (0xD800..<0xDC00).contains(value), index + 1 < bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 {
            index += 2
            if let low = unit(), (0xDC00..<0xE000).contains(low) {
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
        }
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }

    private mutating func unit() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        defer { index += 4 }
        return UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipBlanks() { while index < bytes.count, bytes[index] <= 0x20 { index += 1 } }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x2C || byte == 0x5D || byte == 0x7D || byte == 0x3A
    }

    private func malformed(_ what: String) -> Rejection { Rejection(.malformed, "the JSON \(what)") }
}
