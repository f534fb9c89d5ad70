import Glibc

/// Watches the length of start tags: libxml2 compares each attribute with all before it, and a tag of megabytes takes minutes.
struct TagMeter {
    static let maximumTag = 256 << 10

    private enum State {
        case text
        case tag(quote: UInt8)
        /// A comment, declaration or instruction, whose quotes mean nothing.
        case other
    }

    private var state = State.text
    private var length = 0
    private var isTagStart = false

    /// False when a tag is too long. Pieces of one document come in order.
    mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            switch state {
            case .text:
                guard let found = memchr(bytes.baseAddress! + index, 0x3C, bytes.count - index) else { return true }
                index = found - UnsafeMutableRawPointer(mutating: bytes.baseAddress!) + 1
                (state, length, isTagStart) = (.tag(quote: 0), 0, true)
            case .other:
                guard let found = memchr(bytes.baseAddress! + index, 0x3E, bytes.count - index) else { return true }
                index = found - UnsafeMutableRawPointer(mutating: bytes.baseAddress!) + 1
                state = .text
            case .tag(let quote):
                let byte = bytes[index]
                index += 1
                length += 1
                if length > Self.maximumTag { return false }
                if isTagStart {
                    isTagStart = false
                    if byte == 0x21 || byte == 0x3F { state = .other }
                } else if quote != 0 {
                    if byte == quote { state = .tag(quote: 0) }
                } else if byte == 0x3E {
                    state = .text
                } else if byte == 0x22 || byte == 0x27 {
                    state = .tag(quote: byte)
                }
            }
        }
        return true
    }
}
