import CPlatform

/// What language a PDF says it is in. Poppler's public interface does not have it.
enum PDFLanguage {
    private static let longest = 35
    /// A catalog longer than this is not looked through.
    private static let window = 8192

    /// `/Lang` of a catalog that is not compressed (ISO 32000-1, 14.9.2).
    static func inCatalog(_ bytes: UnsafeRawBufferPointer) -> String? {
        var rest = bytes[...]
        while let place = find("/Catalog", in: rest) {
            let before = UnsafeRawBufferPointer(rebasing: bytes[max(0, place - window)..<place])
            let start = lastObject(before).map { place - before.count + $0 } ?? place
            let after = bytes[place..<min(bytes.count, place + window)]
            let end = find("endobj", in: after) ?? after.endIndex
            if let found = find("/Lang", in: bytes[start..<end]), let tag = string(bytes[(found + 5)..<end]) {
                return tag
            }
            rest = bytes[(place + 8)...]
        }
        return nil
    }

    /// The first `rdf:li` of `dc:language` (XMP part 1, 8.4).
    static func inMetadata(_ metadata: [UInt8]) -> String {
        metadata.withUnsafeBytes { bytes in
            guard let language = find("<dc:language", in: bytes[...]),
                let item = find("<rdf:li", in: bytes[language...]),
                let close = bytes[item...].firstIndex(of: 0x3E)
            else { return "" }
            return tag(bytes[(close + 1)...].prefix { $0 != 0x3C }) ?? ""
        }
    }

    /// A literal or hexadecimal string at the start of `bytes`, as a language tag (BCP 47).
    private static func string(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
        let value = bytes.drop { $0 <= 0x20 }
        switch value.first {
        case 0x28: return tag(value.dropFirst().prefix { $0 != 0x29 })
        case 0x3C: return tag(hexadecimal(value.dropFirst().prefix { $0 != 0x3E })[...])
        default: return nil
        }
    }

    private static func hexadecimal(_ digits: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        let values = digits.prefix(4 * longest).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: values.count - 1, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }

    /// In ASCII or UTF-16BE with its mark; nil where it is no tag.
    private static func tag(_ bytes: some Sequence<UInt8>) -> String? {
        var letters = Array(bytes.prefix(2 * longest + 2))
        if letters.starts(with: [0xFE, 0xFF]) { letters = letters.dropFirst(2).filter { $0 != 0 } }
        let isTag =
            letters.count >= 2 && letters.count <= longest
            && letters.allSatisfy { (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || $0 == 0x2D }
        return isTag && letters[0] != 0x2D ? String(decoding: letters, as: UTF8.self) : nil
    }

    private static func lastObject(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var found: Int?
        var rest = bytes[...]
        while let place = find(" obj", in: rest) {
            found = place
            rest = bytes[(place + 4)...]
        }
        return found
    }

    private static func find(_ word: StaticString, in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard !bytes.isEmpty, let base = bytes.base.baseAddress else { return nil }
        return platform_find(base + bytes.startIndex, bytes.count, word.utf8Start, word.utf8CodeUnitCount).map {
            $0 - base
        }
    }
}
