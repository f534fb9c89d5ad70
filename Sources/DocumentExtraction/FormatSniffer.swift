import ExtractionWire

/// Decides what a document is: by its content first, then by its name and Content-Type.
enum FormatSniffer {
    private static let signatures: [(magic: [UInt8], format: DocumentFormat)] = [
        (Array("{\\rtf".utf8), .rtf),
        ([0x89, 0x50, 0x4E, 0x47], .image),
        ([0xFF, 0xD8, 0xFF], .image),
        ([0x49, 0x49, 0x2A, 0x00], .image),
        ([0x4D, 0x4D, 0x00, 0x2A], .image),
    ]

    private static let binaries: [(magic: [UInt8], name: String, remedy: String)] = [
        (Array("GIF8".utf8), "a GIF image", "save it as PNG"),
        (Array("RIFF".utf8), "a sound, video or WebP image", "save an image as PNG"),
        ([0x1F, 0x8B], "a gzip archive", "upload what is inside it"),
        ([0x42, 0x5A, 0x68], "a bzip2 archive", "upload what is inside it"),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", "upload what is inside it"),
        ([0x52, 0x61, 0x72, 0x21], "a RAR archive", "upload what is inside it"),
        ([0x7F, 0x45, 0x4C, 0x46], "a program", "upload documents only"),
        (Array("%!PS".utf8), "PostScript", "convert it to PDF"),
    ]

    static func format(of bytes: UnsafeRawBufferPointer, hints: ExtractionHints) throws(Rejection) -> DocumentFormat {
        let head = Array(bytes.prefix(1024))
        if isPDF(bytes, head, hints) { return .pdf }
        if let found = signatures.first(where: { head.starts(with: $0.magic) }) { return found.format }
        if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            return try container(bytes)
        }
        if head.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) { throw CompoundFile.rejection(of: bytes) }
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
        let promise = promised(by: hints)
        if MailSniffer.isMail(head, promised: promise) { return .mail }
        switch promise {
        // What must begin in a certain way, and does not, is text.
        case .json: return isJSON(head) ? .json : .text
        case .html: return .html
        case .xml: return head.contains(0x3C) ? .xml : .text
        case .markdown: return .markdown
        case .csv: return .csv
        default: return .text
        }
    }

    /// What name or Content-Type say, nil where they say nothing.
    static func promised(by hints: ExtractionHints) -> DocumentFormat? {
        let suffix =
            hints.name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased() ?? ""
        if let format = suffixes[suffix] { return format }
        let type = hints.contentType.split(separator: ";").first.map { $0.trimmed.lowercased() } ?? ""
        return types[type]
    }

    private static let suffixes: [String: DocumentFormat] = [
        "pdf": .pdf, "html": .html, "htm": .html, "xhtml": .html, "xml": .xml, "rss": .xml, "md": .markdown,
        "markdown": .markdown, "mdown": .markdown,
        "mkd": .markdown, "txt": .text, "text": .text, "rst": .text, "log": .text, "docx": .docx, "pptx": .pptx,
        "xlsx": .xlsx, "odt": .odt, "ods": .ods,
        "odp": .odp, "epub": .epub, "rtf": .rtf, "eml": .mail, "mbox": .mail, "mht": .mail, "mhtml": .mail, "csv": .csv,
        "tsv": .csv, "json": .json, "jsonl": .json, "ipynb": .json,
        "ndjson": .json, "png": .image,
        "jpg": .image, "jpeg": .image, "tif": .image, "tiff": .image,
    ]

    private static let types: [String: DocumentFormat] = [
        "application/pdf": .pdf, "text/html": .html, "application/xhtml+xml": .html, "text/xml": .xml,
        "application/xml": .xml,
        "application/rss+xml": .xml, "text/markdown": .markdown, "text/x-markdown": .markdown, "text/csv": .csv,
        "text/tab-separated-values": .csv,
        "application/json": .json, "application/x-ndjson": .json, "application/jsonl": .json, "application/rtf": .rtf,
        "text/rtf": .rtf,
        "message/rfc822": .mail, "application/mbox": .mail, "multipart/related": .mail, "application/epub+zip": .epub,
        "image/png": .image, "image/jpeg": .image,
        "image/tiff": .image,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": .docx,
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": .pptx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": .xlsx,
        "application/vnd.oasis.opendocument.text": .odt, "application/vnd.oasis.opendocument.spreadsheet": .ods,
        "application/vnd.oasis.opendocument.presentation": .odp,
    ]

    private static func container(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> DocumentFormat {
        var archive = try ZipArchive(bytes)
        if let format = try OfficeReader.format(of: &archive) { return format }
        throw Rejection(.unsupported, "the document is a zip archive, which is not read: upload what is inside it")
    }

    /// HTML or XML by the first tag; text may begin with anything else.
    private static func markup(_ head: [UInt8]) -> DocumentFormat? {
        var start = head.filter { $0 != 0 }.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }[...]
        if start.starts(with: [0xEF, 0xBB, 0xBF]) { start = start.dropFirst(3) }
        while let first = start.first, first <= 0x20 || first >= 0xFE { start = start.dropFirst() }
        guard start.first == 0x3C else { return nil }
        for tag in ["<!doctype html", "<html", "<head", "<body"] where start.starts(with: tag.utf8) { return .html }
        guard start.starts(with: "<?xml".utf8) else { return nil }
        let rest = Array(start)
        return contains(rest, "<html") || contains(rest, "<!doctype html") ? .html : .xml
    }

    private static func isJSON(_ head: [UInt8]) -> Bool {
        guard let first = head.first(where: { $0 > 0x20 && $0 < 0x80 }) else { return false }
        return [0x7B, 0x5B, 0x22].contains(first)
    }

    /// The mark may stand behind other bytes (ISO 32000-2, annex I); but text may write about it.
    private static func isPDF(_ bytes: UnsafeRawBufferPointer, _ head: [UInt8], _ hints: ExtractionHints) -> Bool {
        if head.starts(with: Array("%PDF-".utf8)) { return true }
        guard contains(head, "%PDF-"), markup(head) == nil else { return false }
        let promised = promised(by: hints)
        if promised == .pdf { return true }
        return contains(Array(bytes.suffix(2048)), "startxref") && (promised == nil || looksBinary(bytes))
    }

    /// Many control characters, without the pattern of UTF-16. Logs hold a few NUL bytes.
    private static func looksBinary(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if TextDecoder.byteOrderMark(bytes) != nil { return false }
        let sample = bytes.prefix(8192)
        if TextDecoder.looksLikeUTF16(sample) != nil { return false }
        let controls = sample.count { $0 < 0x20 && ![0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B].contains($0) }
        return controls * 20 > sample.count
    }

    private static func contains(_ bytes: [UInt8], _ text: StaticString) -> Bool {
        let needle = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains { bytes[$0..<$0 + needle.count].elementsEqual(needle) }
    }
}

/// Compound files ([MS-CFB]): what Office wrote until 2003, and what protected documents are wrapped in.
enum CompoundFile {
    private static let streams: [(name: String, what: String, target: String)] = [
        ("WordDocument", "an old Word document (.doc)", "docx or PDF"),
        ("Workbook", "an old Excel workbook (.xls)", "xlsx"),
        ("PowerPoint Document", "an old PowerPoint presentation (.ppt)", "pptx or PDF"),
        ("__substg1.0", "an Outlook message (.msg)", "eml"),
    ]

    static func rejection(of bytes: UnsafeRawBufferPointer) -> Rejection {
        if contains(bytes, "EncryptedPackage") {
            return Rejection(.encrypted, "the document is protected with a password: upload a copy without one")
        }
        if let found = streams.first(where: { contains(bytes, $0.name) }) {
            return Rejection(
                .unsupported,
                "the document is \(found.what), which is not read: save it as \(found.target)"
            )
        }
        return Rejection(
            .unsupported,
            "the document is a compound file of an old program, which is not read: save it as PDF"
        )
    }

    /// Names of streams are UTF-16.
    private static func contains(_ bytes: UnsafeRawBufferPointer, _ name: String) -> Bool {
        let needle = name.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        return bytes.indices.dropLast(needle.count).contains { index in
            bytes[index] == needle[0] && bytes[index..<index + needle.count].elementsEqual(needle)
        }
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
