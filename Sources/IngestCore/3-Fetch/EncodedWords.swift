import FoundationEssentials
import TextCoding

/// Text in header fields that have ASCII alone, as S3 returns user metadata with other characters (RFC 2047; Amazon S3 User Guide, "Working with object metadata").
package enum EncodedWords {
    /// `=?UTF-8?B?…?=` and its like replaced by what they mean. What is no encoded word, or in an unknown character set, stays as it is.
    package static func decoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "=")) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var position = 0
        // Blanks between two encoded words mean nothing (RFC 2047, 6.2), so that a character's bytes may be in both.
        var afterWord: Int?
        while position < bytes.count {
            guard let word = word(bytes, at: position) else {
                if !isBlank(bytes[position]) { afterWord = nil }
                result.append(bytes[position])
                position += 1
                continue
            }
            if let afterWord { result.removeSubrange(afterWord...) }
            result += word.bytes
            position = word.end
            afterWord = result.count
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// The encoded word that begins there, as UTF-8.
    private static func word(_ bytes: [UInt8], at start: Int) -> (bytes: [UInt8], end: Int)? {
        guard bytes[start...].starts(with: "=?".utf8) else { return nil }
        guard let charsetEnd = bytes[(start + 2)...].firstIndex(of: UInt8(ascii: "?")), charsetEnd + 3 < bytes.count,
            bytes[charsetEnd + 2] == UInt8(ascii: "?")
        else { return nil }
        let text = bytes[(charsetEnd + 3)...]
        guard let end = text.firstIndex(of: UInt8(ascii: "?")), end + 1 < bytes.count,
            bytes[end + 1] == UInt8(ascii: "=")
        else { return nil }
        let content: [UInt8]?
        switch bytes[charsetEnd + 1] | 0x20 {
        case UInt8(ascii: "b"): content = Data(base64Encoded: Data(text[..<end])).map { Array($0) }
        case UInt8(ascii: "q"): content = quoted(text[..<end])
        default: content = nil
        }
        // A language may stand behind the character set (RFC 2231).
        let charset = bytes[(start + 2)..<charsetEnd].prefix { $0 != UInt8(ascii: "*") }
        guard let content, let converted = utf8(content, from: String(decoding: charset, as: UTF8.self).lowercased())
        else { return nil }
        return (converted, end + 2)
    }

    /// `_` is a blank, `=C3` a byte; nil where something else stands behind `=`.
    private static func quoted(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var position = text.startIndex
        while position < text.endIndex {
            switch text[position] {
            case UInt8(ascii: "_"): result.append(0x20)
            case UInt8(ascii: "="):
                guard position + 2 < text.endIndex, text[position + 1] != UInt8(ascii: "+"),
                    let byte = UInt8(String(decoding: text[(position + 1)...(position + 2)], as: UTF8.self), radix: 16)
                else { return nil }
                result.append(byte)
                position += 2
            default: result.append(text[position])
            }
            position += 1
        }
        return result
    }

    private static func utf8(_ content: [UInt8], from charset: String) -> [UInt8]? {
        switch charset {
        case "utf-8", "us-ascii": content
        case "iso-8859-1": Array(String(String.UnicodeScalarView(content.map { Unicode.Scalar($0) })).utf8)
        default: nil
        }
    }
}
