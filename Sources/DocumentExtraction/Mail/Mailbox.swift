/// A file of many mails, one behind the other (RFC 4155): each begins with a line "From " behind an empty one.
enum Mailbox {
    /// Where its mails are; one range for a file that is a single mail.
    static func messages(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        guard begins(bytes, 0) else { return [0..<bytes.count] }
        var starts = [0]
        var (index, isBlank) = (0, false)
        while index < bytes.count {
            if isBlank, begins(bytes, index) { starts.append(index) }
            var end = index
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            isBlank = end == index || end == index + 1 && bytes[index] == 0x0D
            index = end + 1
        }
        return starts.indices.map { starts[$0]..<($0 + 1 < starts.count ? starts[$0 + 1] : bytes.count) }
    }

    /// "From ann@example.org Fri May  3 10:00:00 2024": a sentence that begins with "From " has no time in it.
    private static func begins(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        guard index + 5 < bytes.count, bytes[index..<index + 5].elementsEqual("From ".utf8) else { return false }
        let line = bytes[index..<min(bytes.count, index + 200)].prefix { $0 != 0x0A }
        return zip(line, zip(line.dropFirst(), line.dropFirst(2))).contains { hour, rest in
            isDigit(hour) && rest.0 == 0x3A && isDigit(rest.1)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
