import Glibc

/// What is not JSON, or not the JSON that was expected.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package var description: String
}

/// Reads JSON value by value, without building a tree: for responses with many vectors or long texts.
package struct JSONScanner {
    private let bytes: [UInt8]
    private var position = 0
    private static let maximumDepth = 64

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package enum Kind { case object, array, string, number, bool, null }

    package mutating func peek() throws(JSONError) -> Kind {
        skipBlanks()
        guard position < bytes.count else { throw error("the text ends early") }
        return switch bytes[position] {
        case 0x7B: .object
        case 0x5B: .array
        case 0x22: .string
        case 0x74, 0x66: .bool
        case 0x6E: .null
        default: .number
        }
    }

    /// Calls `body` with each key; it must read or skip the value.
    package mutating func object(_ body: (inout JSONScanner, String) throws -> Void) throws {
        try expect(0x7B)
        if consume(0x7D) { return }
        repeat {
            let key = try string()
            try expect(0x3A)
            try body(&self, key)
        } while consume(0x2C)
        try expect(0x7D)
    }

    /// Calls `body` before each element; it must read or skip it.
    package mutating func array(_ body: (inout JSONScanner) throws -> Void) throws {
        try expect(0x5B)
        if consume(0x5D) { return }
        repeat { try body(&self) } while consume(0x2C)
        try expect(0x5D)
    }

    package mutating func integer() throws(JSONError) -> Int {
        let range = try numberRange()
        guard let value = Int(String(decoding: bytes[range], as: UTF8.self)) else { throw error("not an integer") }
        return value
    }

    /// Appends the elements of an array of numbers.
    package mutating func floats(into values: inout [Float]) throws(JSONError) {
        try expect(0x5B)
        if consume(0x5D) { return }
        repeat {
            let range = try numberRange()
            // The number is followed by a byte that ends it, as the array is not over.
            guard range.upperBound < bytes.count else { throw error("the text ends early") }
            values.append(
                bytes.withUnsafeBytes {
                    strtof($0.baseAddress!.assumingMemoryBound(to: CChar.self) + range.lowerBound, nil)
                }
            )
        } while consume(0x2C)
        try expect(0x5D)
    }

    package mutating func string() throws(JSONError) -> String {
        let (range, hasEscapes) = try stringRange()
        if !hasEscapes {
            guard let value = String(validating: bytes[range], as: UTF8.self) else {
                throw error("a string is not UTF-8")
            }
            return value
        }
        return try unescaped(range)
    }

    /// The bytes of a string that must not have escapes in it, such as base64.
    package mutating func plainString() throws(JSONError) -> ArraySlice<UInt8> {
        let (range, hasEscapes) = try stringRange()
        guard !hasEscapes else { throw error("an escape where none may be") }
        return bytes[range]
    }

    package mutating func skip() throws(JSONError) {
        var depth = 0
        repeat {
            switch try peek() {
            case .object, .array:
                position += 1
                depth += 1
                guard depth <= Self.maximumDepth else { throw error("nested too deeply") }
            case .string: _ = try stringRange()
            case .number: _ = try numberRange()
            case .bool, .null:
                while position < bytes.count, (0x61...0x7A).contains(bytes[position]) { position += 1 }
            }
            skipBlanks()
            while depth > 0, position < bytes.count {
                let byte = bytes[position]
                guard byte == 0x2C || byte == 0x3A || byte == 0x7D || byte == 0x5D else { break }
                position += 1
                if byte == 0x7D || byte == 0x5D { depth -= 1 }
                skipBlanks()
            }
        } while depth > 0
    }

    /// The next value's own text, on one line: line breaks stand between values only.
    package mutating func raw() throws(JSONError) -> ArraySlice<UInt8> {
        let text = bytes[try range()]
        guard text.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return text.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }[...]
    }

    /// Where the next value is in the text; it is skipped.
    package mutating func range() throws(JSONError) -> Range<Int> {
        _ = try peek()
        let start = position
        try skip()
        // `skip` goes past the blanks behind a value.
        return start..<position
    }

    private mutating func stringRange() throws(JSONError) -> (Range<Int>, hasEscapes: Bool) {
        try expect(0x22)
        let start = position
        var hasEscapes = false
        while position < bytes.count, bytes[position] != 0x22 {
            if bytes[position] == 0x5C {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else { throw error("a string does not end") }
        defer { position += 1 }
        return (start..<position, hasEscapes)
    }

    private func unescaped(_ range: Range<Int>) throws(JSONError) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index] != 0x5C {
                output.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case 0x6E: output.append(0x0A)
            case 0x74: output.append(0x09)
            case 0x72: output.append(0x0D)
            case 0x62: output.append(0x08)
            case 0x66: output.append(0x0C)
            case 0x22, 0x5C, 0x2F: output.append(bytes[index + 1])
            case 0x75:
                var code = try codeUnit(at: index + 2, range)
                if code & 0xFC00 == 0xD800, index + 11 < range.upperBound, bytes[index + 6] == 0x5C,
                    bytes[index + 7] == 0x75
                {
                    let low = try codeUnit(at: index + 8, range)
                    if low & 0xFC00 == 0xDC00 {
                        code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
                        index += 6
                    }
                }
                output.append(contentsOf: String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
                index += 4
            default: throw error("an unknown escape")
            }
            index += 2
        }
        guard let value = String(validating: output, as: UTF8.self) else { throw error("a string is not UTF-8") }
        return value
    }

    private func codeUnit(at index: Int, _ range: Range<Int>) throws(JSONError) -> UInt32 {
        guard index + 4 <= range.upperBound,
            let value = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else {
            throw error("a broken \\u escape")
        }
        return value
    }

    private mutating func numberRange() throws(JSONError) -> Range<Int> {
        skipBlanks()
        let start = position
        while position < bytes.count, Self.isNumberByte(bytes[position]) { position += 1 }
        guard position > start else { throw error("not a number") }
        return start..<position
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E || byte == 0x65 || byte == 0x45 || byte == 0x2B
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard consume(byte) else { throw error("'\(Character(Unicode.Scalar(byte)))' is missing") }
    }

    private mutating func consume(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private func error(_ what: String) -> JSONError { JSONError(description: "\(what) at byte \(position)") }
}
