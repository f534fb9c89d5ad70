import CUchardet
import ExtractionWire
import Glibc

/// Bytes in any encoding to valid UTF-8, whole: what means nothing becomes U+FFFD, and reading goes on (WHATWG Encoding Standard, "decode").
///
/// In this order: a byte order mark, the zero bytes of UTF-16, UTF-8 where it is valid and where it nearly is, what is declared, what uchardet sees.
enum TextDecoder {
    /// The open converters keep their libraries, which cannot be loaded any more when the sandbox refuses executable memory.
    static func prepare() {
        for name in EncodingLabel.all {
            _ = iconv_open("UTF-8", name)
        }
    }

    /// A text file, or a part of a mail: what its Content-Type says is a hint.
    static func utf8(_ bytes: UnsafeRawBufferPointer, hints: ExtractionHints) throws(Rejection) -> [UInt8] {
        let text = try decoded(bytes, transport: hints.contentType, own: nil) ?? Array(bytes)
        return text.contains { $0 == 0 || $0 == 0x1B } ? withoutControls(text) : text
    }

    /// Calls `body` with the page as UTF-8, without a copy where it is that already.
    static func withPage(
        _ bytes: UnsafeRawBufferPointer,
        hints: ExtractionHints,
        _ body: (UnsafeRawBufferPointer) throws(Rejection) -> Void
    ) throws(Rejection) {
        let text = try decoded(bytes, transport: hints.contentType) { EncodingDeclaration.label(in: bytes) }
        guard let text else { return try body(bytes) }
        let result = text.withUnsafeBytes { text in Result { () throws(Rejection) in try body(text) } }
        try result.get()
    }

    /// - Parameters:
    ///   - transport: the Content-Type that came with the bytes.
    ///   - own: the label that the bytes have in themselves, nil for formats that have none.
    private static func decoded(
        _ bytes: UnsafeRawBufferPointer,
        transport: String,
        own: (() -> String?)?
    ) throws(Rejection) -> [UInt8]? {
        if let (name, length) = byteOrderMark(bytes) {
            return try convert(UnsafeRawBufferPointer(rebasing: bytes[length...]), from: name)
        }
        if let name = looksLikeUTF16(bytes.prefix(8192)) { return try convert(bytes, from: name) }
        // Bytes of other encodings are hardly ever valid UTF-8 by chance, but for those that are ASCII and switch by ESC or "~{".
        let isASCII = bytes.firstIndex { $0 >= 0x80 } == nil
        if isUTF8(bytes) {
            guard isASCII, bytes.contains(0x1B) || bytes.contains(0x7E) else { return nil }
            let name =
                label(transport) ?? own?().flatMap(EncodingLabel.encoding)
                ?? (bytes.contains(0x1B) ? guess(bytes) : nil)
            guard let name, name.hasPrefix("ISO-2022") || name.hasPrefix("HZ") || name == "UTF-7" else { return nil }
            return try convert(bytes, from: name)
        }
        let share = shareOfUTF8(bytes)
        if share > 0.8 { return repaired(bytes) }
        let declared = label(transport)
        if let declared, !declared.hasPrefix("UTF-") { return try convert(bytes, from: declared) }
        // A page that declares UTF-16 and was read to here means UTF-8 (WHATWG HTML, prescan).
        if let name = own?().flatMap(EncodingLabel.encoding) {
            return name.hasPrefix("UTF-") ? repaired(bytes) : try convert(bytes, from: name)
        }
        let name = guess(bytes)
        // A character of Chinese or Korean text looks like UTF-8 now and then, one of Latin or Cyrillic text hardly ever.
        guard share > 0.2, declared == nil, eastern.contains(name) else {
            return share > 0.2 ? repaired(bytes) : try convert(bytes, from: name)
        }
        let text = try convert(bytes, from: name)
        return text.firstRange(of: replacement) == nil ? text : repaired(bytes)
    }

    private static let eastern: Set<String> = ["GB18030", "BIG5-HKSCS", "EUC-JP-MS", "CP932", "UHC", "EUC-TW", "JOHAB"]
    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// Without NUL bytes, and without the colours of terminals (ECMA-48, control sequences), as logs have them.
    private static func withoutControls(_ text: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == 0x1B, index < text.count, text[index] == 0x5B {
                let end = text[index...].dropFirst().prefix(32).firstIndex { (0x40...0x7E).contains($0) }
                if let end { index = end + 1 }
            } else if byte != 0 {
                kept.append(byte)
            }
        }
        return kept
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

    private static func label(_ contentType: String) -> String? {
        EncodingDeclaration.label(inContentType: contentType).flatMap(EncodingLabel.encoding)
    }

    /// How many of the sequences of bytes above ASCII are characters of UTF-8, 0 to 1.
    private static func shareOfUTF8(_ bytes: UnsafeRawBufferPointer) -> Double {
        var (valid, broken, index) = (0, 0, 0)
        while index < bytes.count {
            let first = bytes[index]
            index += 1
            guard first >= 0x80 else { continue }
            let length = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 0
            let following = bytes[index...].prefix(length).prefix { $0 & 0xC0 == 0x80 }.count
            if length > 0, following == length { valid += 1 } else { broken += 1 }
            index += following
        }
        return Double(valid) / Double(max(1, valid + broken))
    }

    private static func repaired(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// What uchardet sees in the first text that is not ASCII.
    private static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
        guard let detector = uchardet_new() else { return "WINDOWS-1252" }
        defer { uchardet_delete(detector) }
        let start = max(0, (bytes.firstIndex { $0 >= 0x80 || $0 == 0x1B } ?? 0) - 1024)
        let sample = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(65_536))
        guard let base = sample.bindMemory(to: CChar.self).baseAddress,
            uchardet_handle_data(detector, base, sample.count) == 0
        else { return "WINDOWS-1252" }
        uchardet_data_end(detector)
        let name = uchardet_get_charset(detector).map { String(cString: $0) } ?? ""
        // Of Western texts it cannot say which; most are of Windows.
        if name == "ISO-8859-15" || name.hasPrefix("MAC-") && name != "MAC-CYRILLIC" { return "WINDOWS-1252" }
        return EncodingLabel.encoding(name) ?? "WINDOWS-1252"
    }

    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? UTF8Span(validating: Span(_unsafeBytes: bytes))) != nil
    }

    /// - Parameter name: as `iconv` knows it.
    static func convert(_ bytes: UnsafeRawBufferPointer, from name: String) throws(Rejection) -> [UInt8] {
        if name == "UTF-8" { return isUTF8(bytes) ? Array(bytes) : repaired(bytes) }
        guard let converter = iconv_open("UTF-8", name), converter != iconv_t(bitPattern: -1) else {
            throw Rejection(.unsupported, "the text's encoding \(name) is not known here: save it as UTF-8")
        }
        defer { iconv_close(converter) }
        var output = [UInt8]()
        output.reserveCapacity(bytes.count * 3 / 2 + 16)
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard let start = bytes.baseAddress else { return [] }
        var source =
            UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: CChar.self)) as UnsafeMutablePointer<CChar>?
        var left = bytes.count
        var isFlushed = false
        while !isFlushed {
            // The last character may wait for a mark that joins it, as those of Hebrew do: the end brings it.
            isFlushed = left == 0
            let failed = buffer.withUnsafeMutableBufferPointer { room in
                var target = room.baseAddress
                var free = room.count
                let code =
                    isFlushed
                    ? iconv(converter, nil, nil, &target, &free) : iconv(converter, &source, &left, &target, &free)
                let failure = code == Int.max || code == -1 ? errno : 0
                room.withMemoryRebound(to: UInt8.self) { output.append(contentsOf: $0.prefix($0.count - free)) }
                return failure
            }
            if failed == EILSEQ || failed == EINVAL, left > 0 {  // a byte that means nothing in this encoding
                output.append(contentsOf: replacement)
                source = source.map { $0 + 1 }
                left -= 1
            }
        }
        // Some converters pass surrogates on.
        let isValid = output.withUnsafeBytes { isUTF8($0) }
        return isValid ? output : output.withUnsafeBytes { repaired($0) }
    }
}
