import CUchardet
import ExtractionWire
import Glibc

/// Bytes in any encoding to UTF-8: a byte order mark decides, then the zero bytes of UTF-16, then valid UTF-8, then what uchardet sees.
enum TextDecoder {
    /// The encodings of the WHATWG Encoding Standard, and relatives that uchardet names. Their converters are libraries, which cannot be loaded any more
    /// when the sandbox refuses executable memory.
    private static let encodings = [
        "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256",
        "WINDOWS-1257", "WINDOWS-1258", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5", "ISO-8859-6",
        "ISO-8859-7",
        "ISO-8859-8", "ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13", "ISO-8859-14", "ISO-8859-15",
        "ISO-8859-16",
        "ISO-8859-1", "KOI8-R", "KOI8-U", "IBM852", "IBM855", "IBM866", "IBM437", "IBM850", "MACINTOSH", "MAC-CYRILLIC",
        "MAC-CENTRALEUROPE", "TIS-620", "WINDOWS-874", "VISCII", "GB18030", "GBK", "EUC-CN", "BIG5", "BIG5-HKSCS",
        "EUC-TW",
        "EUC-JP", "SHIFT_JIS", "CP932", "ISO-2022-JP", "EUC-KR", "UHC", "JOHAB", "ISO-2022-KR", "ISO-2022-CN",
        "HZ-GB-2312",
        "UTF-16", "UTF-16LE", "UTF-32LE", "UTF-7", "GEORGIAN-PS",
    ]

    /// The open converters keep their libraries.
    static func prepare() {
        for name in encodings {
            _ = iconv_open("UTF-8", name)
        }
    }

    static func utf8(_ bytes: UnsafeRawBufferPointer, hints: ExtractionHints) throws(Rejection) -> [UInt8] {
        if let (name, length) = byteOrderMark(bytes) {
            return try convert(UnsafeRawBufferPointer(rebasing: bytes[length...]), from: name)
        }
        if let name = looksLikeUTF16(bytes.prefix(8192)) { return try convert(bytes, from: name) }
        return try convert(bytes, from: declared(hints) ?? guess(bytes))
    }

    static func byteOrderMark(_ bytes: UnsafeRawBufferPointer) -> (name: String, length: Int)? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return ("UTF-8", 3) }
        if bytes.starts(with: [0xFF, 0xFE, 0x00, 0x00]) { return ("UTF-32LE", 4) }
        if bytes.starts(with: [0xFF, 0xFE]) { return ("UTF-16LE", 2) }
        if bytes.starts(with: [0xFE, 0xFF]) { return ("UTF-16BE", 2) }
        return nil
    }

    /// UTF-16 without a mark: in text of mostly Latin letters every other byte is zero.
    static func looksLikeUTF16(_ sample: Slice<UnsafeRawBufferPointer>) -> String? {
        guard sample.count >= 4 else { return nil }
        var zeros = [0, 0]
        for (index, byte) in sample.enumerated() where byte == 0 { zeros[index & 1] += 1 }
        if zeros[1] * 5 > sample.count, zeros[0] * 20 < sample.count { return "UTF-16LE" }
        if zeros[0] * 5 > sample.count, zeros[1] * 20 < sample.count { return "UTF-16BE" }
        return nil
    }

    private static func declared(_ hints: ExtractionHints) -> String? {
        guard let range = hints.contentType.lowercased().firstRange(of: "charset=") else { return nil }
        let name = hints.contentType[range.upperBound...].prefix { $0 != ";" && !$0.isWhitespace }.filter { $0 != "\"" }
        return name.isEmpty ? nil : canonical(String(name))
    }

    /// Labels that mean more than they say: the Web reads Latin-1 and ASCII as windows-1252 (WHATWG Encoding, "names and labels").
    static func canonical(_ label: String) -> String {
        let label = label.uppercased()
        return switch label {
        case "ISO-8859-1", "ISO8859-1", "LATIN1", "ISO-8859-15", "ASCII", "US-ASCII", "WINDOWS-1252": "WINDOWS-1252"
        case "UTF8", "UTF-8": "UTF-8"
        case "GB2312", "GBK": "GB18030"
        default: label.hasPrefix("MAC-") ? "WINDOWS-1252" : label
        }
    }

    static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
        // ESC begins ISO-2022 shifts, whose bytes are valid UTF-8 as well.
        if !bytes.prefix(65_536).contains(0x1B), isUTF8(bytes) { return "UTF-8" }
        guard let detector = uchardet_new() else { return "WINDOWS-1252" }
        defer { uchardet_delete(detector) }
        let sample = bytes.prefix(65_536)
        let base = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
        guard uchardet_handle_data(detector, base, sample.count) == 0 else { return "WINDOWS-1252" }
        uchardet_data_end(detector)
        let name = uchardet_get_charset(detector).map { String(cString: $0) } ?? ""
        return name.isEmpty ? "WINDOWS-1252" : canonical(name)
    }

    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? UTF8Span(validating: Span(_unsafeBytes: bytes))) != nil
    }

    static func convert(_ bytes: UnsafeRawBufferPointer, from name: String) throws(Rejection) -> [UInt8] {
        // Decoding by the standard library repairs what is broken with U+FFFD, as the WHATWG decoder does.
        if name == "UTF-8" { return isUTF8(bytes) ? Array(bytes) : Array(String(decoding: bytes, as: UTF8.self).utf8) }
        guard let converter = iconv_open("UTF-8", name), converter != iconv_t(bitPattern: -1) else {
            throw Rejection(.unsupported, "the text's encoding \(name) is not known here: save it as UTF-8")
        }
        defer { iconv_close(converter) }
        var output = [UInt8]()
        output.reserveCapacity(bytes.count * 3 / 2 + 16)
        var buffer = [CChar](repeating: 0, count: 65_536)
        var source =
            UnsafeMutablePointer(mutating: bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
            as UnsafeMutablePointer<CChar>?
        var left = bytes.count
        while left > 0 {
            let failed = buffer.withUnsafeMutableBufferPointer { room in
                var target = room.baseAddress
                var free = room.count
                let code = iconv(converter, &source, &left, &target, &free)
                let failure = code == Int.max || code == -1 ? errno : 0
                room.withMemoryRebound(to: UInt8.self) { output.append(contentsOf: $0.prefix($0.count - free)) }
                return failure
            }
            if failed == EILSEQ || failed == EINVAL {  // a byte that means nothing in this encoding
                output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                source = source.map { $0 + 1 }
                left -= 1
            }
        }
        return output
    }
}
