/// Builds the body of a frame: little-endian integers, byte strings with a 32-bit length before them.
package struct FrameWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func byte(_ value: UInt8) { bytes.append(value) }

    package mutating func integer(_ value: Int) {
        // A number that does not fit must not become another one: it costs the document, not the reader's trust.
        withUnsafeBytes(of: UInt32(value).littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func float(_ value: Float) {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// The string, cut to what a reader takes.
    package mutating func string(_ value: String) {
        let value = value.prefix(utf8: FrameReader.longestString)
        integer(value.utf8.count)
        bytes.append(contentsOf: value.utf8)
    }

    package mutating func bytes(_ value: [UInt8]) {
        integer(value.count)
        bytes.append(contentsOf: value)
    }
}

/// What one frame holds.
package protocol FrameMessage {
    func encode(into frame: inout FrameWriter)

    init(from frame: inout FrameReader) throws(FrameError)
}

extension FrameMessage {
    package var encoded: [UInt8] {
        var frame = FrameWriter()
        encode(into: &frame)
        return frame.bytes
    }

    package init(decoding bytes: [UInt8]) throws(FrameError) {
        var frame = FrameReader(bytes)
        try self.init(from: &frame)
        guard frame.isAtEnd else { throw FrameError(reason: "bytes after the end of the message") }
    }
}

/// A frame that does not say what a frame must say.
package struct FrameError: Error, Equatable {
    package var reason: String
}

/// Reads the body of a frame. It comes from a process that a hostile document may control: every length is checked.
package struct FrameReader {
    /// Bytes of a title, a name, a link; the text itself is no string.
    package static let longestString = 64 << 10

    private let body: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { body = bytes }

    package var isAtEnd: Bool { position == body.count }

    private mutating func take(_ count: Int) throws(FrameError) -> Range<Int> {
        guard count >= 0, count <= body.count - position else { throw FrameError(reason: "the frame ends early") }
        defer { position += count }
        return position..<position + count
    }

    package mutating func byte() throws(FrameError) -> UInt8 { body[try take(1).lowerBound] }

    private mutating func word() throws(FrameError) -> UInt32 {
        let range = try take(4)
        return range.reversed().reduce(0) { $0 << 8 | UInt32(body[$1]) }
    }

    package mutating func integer() throws(FrameError) -> Int { Int(try word()) }

    package mutating func float() throws(FrameError) -> Float { Float(bitPattern: try word()) }

    package mutating func bytes() throws(FrameError) -> [UInt8] { Array(body[try take(try integer())]) }

    /// - Parameter maximum: bytes; more is an error.
    package mutating func string(atMost maximum: Int = longestString) throws(FrameError) -> String {
        let count = try integer()
        guard count <= maximum else { throw FrameError(reason: "a string is longer than \(maximum) bytes") }
        guard let value = String(validating: body[try take(count)], as: UTF8.self) else {
            throw FrameError(reason: "a string is not UTF-8")
        }
        return value
    }

    /// A count of items that take at least `size` bytes each, so that a lie cannot make the reader allocate more than the frame has.
    package mutating func count(ofItemsOfAtLeast size: Int) throws(FrameError) -> Int {
        let count = try integer()
        guard count <= (body.count - position) / size else {
            throw FrameError(reason: "a count is larger than the frame")
        }
        return count
    }
}
