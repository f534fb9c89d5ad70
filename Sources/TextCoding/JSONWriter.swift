/// Writes JSON straight into bytes.
///
/// Every control character and non-character is escaped, so that the text is valid in an SQS message
/// (which allows #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF).
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(0x7B)
        try body(&self)
        close(0x7D)
    }

    package mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(0x5B)
        try body(&self)
        close(0x5D)
    }

    package mutating func key(_ name: String) {
        string(name)
        bytes.append(0x3A)
        needsComma = false
    }

    package mutating func field(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    package mutating func field(_ name: String, _ value: Int) {
        key(name)
        integer(value)
    }

    package mutating func field(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    package mutating func field(_ name: String, _ values: [String]) {
        key(name)
        array { for value in values { $0.string(value) } }
    }

    package mutating func field(_ name: String, _ values: [Int]) {
        key(name)
        array { for value in values { $0.integer(value) } }
    }

    package mutating func object(_ name: String, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try object(body)
    }

    package mutating func integer(_ value: Int) { raw(String(value).utf8) }

    package mutating func bool(_ value: Bool) { raw(value ? "true".utf8 : "false".utf8) }

    package mutating func null() { raw("null".utf8) }

    /// Finite numbers only.
    package mutating func number(_ value: Double) { raw(value.description.utf8) }

    /// Finite numbers only; whole ones without a fraction, as far as a double has them exactly.
    package mutating func plainNumber(_ value: Double) {
        if value.rounded() == value, abs(value) < 1e15 { integer(Int(value)) } else { number(value) }
    }

    /// Finite numbers only, in the shortest form that reads back the same.
    package mutating func floats(_ values: [Float]) {
        bytes.reserveCapacity(bytes.count + values.count * 13)
        open(0x5B)
        let atOnce = 32
        values.withUnsafeBufferPointer { values in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: atOnce * (FloatText.longest + 1)) { buffer in
                guard let text = buffer.baseAddress else { return }
                for start in stride(from: 0, to: values.count, by: atOnce) {
                    var length = 0
                    for value in values[start..<min(values.count, start + atOnce)] {
                        length += FloatText.write(value, to: text + length)
                        text[length] = 0x2C
                        length += 1
                    }
                    bytes.append(contentsOf: UnsafeBufferPointer(start: text, count: length))
                }
            }
        }
        if !values.isEmpty { bytes.removeLast() }
        close(0x5D)
    }

    /// JSON that is already written.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        if needsComma { bytes.append(0x2C) }
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Ends a line of NDJSON.
    package mutating func newline() {
        bytes.append(0x0A)
        needsComma = false
    }

    package mutating func string(_ value: String) {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
        bytes.append(0x22)
        var value = value
        value.withUTF8 { escape($0) }
        bytes.append(0x22)
    }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            let isNonCharacter =
                byte == 0xEF && index + 2 < text.count && text[index + 1] == 0xBF && text[index + 2] >= 0xBE
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C || isNonCharacter else {
                index += 1
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
            switch byte {
            case 0x22, 0x5C: bytes.append(contentsOf: [0x5C, byte])
            case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
            case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
            case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
            case 0xEF: bytes.append(contentsOf: text[index + 2] == 0xBE ? "\\ufffe".utf8 : "\\uffff".utf8)
            default: bytes.append(contentsOf: "\\u00\(Hex.string([byte]))".utf8)
            }
            index += isNonCharacter ? 3 : 1
            start = index
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }

    private mutating func open(_ bracket: UInt8) {
        if needsComma { bytes.append(0x2C) }
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }
}

extension JSONWriter {
    /// One whole object.
    package static func object(_ body: (inout JSONWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = JSONWriter()
        try writer.object(body)
        return writer.bytes
    }
}
