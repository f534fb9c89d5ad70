import ExtractionWire

/// Decides what a document is: by its content first, then by its name and Content-Type.
enum FormatSniffer {
    private static let binaries: [(magic: [UInt8], name: String, remedy: String)] = [
        (
            [0x50, 0x4B, 0x03, 0x04], "a zip container (office document, e-book or archive)",
            "convert it to PDF, HTML or text"
        ),
        ([0xD0, 0xCF, 0x11, 0xE0], "an old Office document", "save it as PDF"),
        (Array("{\\rtf".utf8), "RTF", "save it as PDF or HTML"),
        ([0x89, 0x50, 0x4E, 0x47], "a PNG image", "run OCR on it first"),
        ([0xFF, 0xD8, 0xFF], "a JPEG image", "run OCR on it first"),
        (Array("GIF8".utf8), "a GIF image", "run OCR on it first"),
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF image", "run OCR on it first"),
        ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF image", "run OCR on it first"),
        ([0x1F, 0x8B], "a gzip archive", "upload what is inside it"),
        ([0x7F, 0x45, 0x4C, 0x46], "a program", "upload documents only"),
        (Array("%!PS".utf8), "PostScript", "convert it to PDF"),
    ]

    static func format(of bytes: UnsafeRawBufferPointer, hints: ExtractionHints) throws(Rejection) -> DocumentFormat {
        let head = Array(bytes.prefix(1024))
        if contains(head, "%PDF-") { return .pdf }
        if let found = binaries.first(where: { head.starts(with: $0.magic) }) {
            throw Rejection(.unsupported, "the document is \(found.name), which is not read: \(found.remedy)")
        }
        if let markup = markup(head) { return markup }
        if looksBinary(bytes) {
            throw Rejection(
                .unsupported,
                "the document is binary data of a format that is not read: convert it to PDF, HTML or text"
            )
        }
        return byName(hints)
    }

    /// HTML or XML by the first tag; text may begin with anything else.
    private static func markup(_ head: [UInt8]) -> DocumentFormat? {
        let text = String(decoding: head.filter { $0 != 0 }, as: UTF8.self).lowercased()
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") || start.hasPrefix("<head")
            || start.hasPrefix("<body")
        {
            return .html
        }
        guard start.hasPrefix("<?xml") else { return nil }
        return start.contains("<html") || start.contains("<!doctype html") ? .html : .xml
    }

    private static func byName(_ hints: ExtractionHints) -> DocumentFormat {
        let type = hints.contentType.split(separator: ";").first.map { $0.trimmed.lowercased() } ?? ""
        let suffix =
            hints.name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased() ?? ""
        switch suffix {
        case "html", "htm", "xhtml": return .html
        case "xml": return .xml
        case "md", "markdown", "mdown", "mkd": return .markdown
        case "txt", "text", "rst", "log": return .text
        default: break
        }
        switch type {
        case "text/html", "application/xhtml+xml": return .html
        case "text/xml", "application/xml": return .xml
        case "text/markdown", "text/x-markdown": return .markdown
        default: return .text
        }
    }

    /// NUL bytes without the pattern of UTF-16, or many control characters.
    private static func looksBinary(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if TextDecoder.byteOrderMark(bytes) != nil { return false }
        let sample = bytes.prefix(8192)
        if TextDecoder.looksLikeUTF16(sample) != nil { return false }
        if sample.contains(0) { return true }
        let controls = sample.count { $0 < 0x20 && ![0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B].contains($0) }
        return controls * 20 > sample.count
    }

    private static func contains(_ bytes: [UInt8], _ text: StaticString) -> Bool {
        let needle = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains { bytes[$0..<$0 + needle.count].elementsEqual(needle) }
    }
}

extension StringProtocol {
    /// Without white space at the ends.
    var trimmed: SubSequence {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}
