import ExtractionWire

/// Office documents and e-books, which are zip containers of XML parts.
enum OfficeReader {
    static func read(_ format: DocumentFormat, _ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits)
        throws(Rejection)
        -> ExtractedDocument
    {
        var archive = try ZipArchive(bytes)
        switch format {
        case .docx, .pptx, .xlsx:
            guard let package = try OfficePackage(&archive) else {
                throw Rejection(.malformed, "the container has no main part: save the document again")
            }
            switch format {
            case .docx: return try WordDocument.read(package, &archive, limits)
            case .pptx: return try Presentation.read(package, &archive, limits)
            default: return try Spreadsheet.read(package, &archive, limits)
            }
        case .epub: return try ElectronicBook.read(&archive, limits)
        default: return try OpenDocument.read(&archive, format, limits)
        }
    }

    /// What a container holds, by the parts that its kind must have (ECMA-376 part 2, ODF 1.3 part 2 §3.3, EPUB OCF §4); nil for other archives.
    static func format(of archive: inout ZipArchive) throws(Rejection) -> DocumentFormat? {
        if let package = try OfficePackage(&archive) { return try package.format(in: &archive) }
        guard let kind = try archive.part("mimetype") else {
            return archive.contains("META-INF/container.xml") ? .epub : nil
        }
        let name = String(decoding: kind.prefix(128), as: UTF8.self)
        if name.hasPrefix("application/epub") { return .epub }
        let prefix = "application/vnd.oasis.opendocument."
        guard name.hasPrefix(prefix) else { return nil }
        switch name.dropFirst(prefix.count).prefix(4) {
        case "text": return .odt
        case "spre": return .ods
        case "pres": return .odp
        default: return nil
        }
    }
}

extension ZipArchive {
    /// Feeds a part to a parser while it is unpacked; false where there is no such part.
    @discardableResult
    mutating func parse(_ name: String, _ handler: any MarkupHandler) throws(Rejection) -> Bool {
        guard let entry = entry(name) else { return false }
        let parser = try XMLPushParser(handler: handler)
        try inflate(entry) { (piece) throws(Rejection) in try parser.feed(piece) }
        try parser.finish()
        return true
    }
}

/// Where a part's relationships lead (ECMA-376 part 2, §9.3).
final class Relationships: MarkupHandler {
    private(set) var targets: [String: String] = [:]
    private(set) var byType: [(type: String, target: String)] = []
    private let folder: String

    var isDone: Bool { false }

    /// The first target of this type; the name of a type is the last part of its address, in the transitional and the strict form.
    func first(_ type: String) -> String? { byType.first { $0.type == type }?.target }

    private init(folder: String) { self.folder = folder }

    static func of(_ part: String, in archive: inout ZipArchive) throws(Rejection) -> Relationships {
        let cut = part.lastIndex(of: "/")
        let folder = cut.map { String(part[...$0]) } ?? ""
        let relationships = Relationships(folder: folder)
        try archive.parse("\(folder)_rels/\(part.dropFirst(folder.count)).rels", relationships)
        return relationships
    }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        guard let id = attributes["Id"], let target = attributes["Target"], attributes["TargetMode"] != "External"
        else { return }
        let path = target.hasPrefix("/") ? String(target.dropFirst()) : PartPath.resolve(target, in: folder)
        targets[id] = path
        byType.append((String((attributes["Type"] ?? "").split(separator: "/").last ?? ""), path))
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

enum PartPath {
    /// `../slides/a.xml` seen from `ppt/notesSlides/` is `ppt/slides/a.xml`.
    static func resolve(_ target: String, in folder: String) -> String {
        var parts = folder.split(separator: "/").map(String.init)
        for part in target.split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
        }
        return parts.joined(separator: "/")
    }
}

/// Title, author and dates of an office document (docProps/core.xml, meta.xml, content.opf).
final class CoreProperties: MarkupHandler {
    private(set) var title = ""
    private(set) var author = ""
    private(set) var language = ""
    private(set) var created = ""
    private(set) var modified = ""
    private var text: [UInt8] = []
    private static let longest = 1024

    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) { text = [] }

    func end(_ name: MarkupName) {
        let value = String(String(decoding: text, as: UTF8.self).trimmed)
        text = []
        guard !value.isEmpty else { return }
        switch name.string {
        case "title": if title.isEmpty { title = value }
        case "creator": author = author.isEmpty ? value : author + ", " + value
        case "initial-creator": if author.isEmpty { author = value }
        case "language": if language.isEmpty { language = value }
        case "created", "creation-date": created = value
        case "modified", "date": modified = value
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if self.text.count < Self.longest { self.text.append(contentsOf: text) }
    }

    func describe(_ document: inout ExtractedDocument) {
        document.title = document.title.isEmpty ? title : document.title
        document.author = author
        document.language = language
        (document.notes.created, document.notes.modified) = (created, modified)
    }
}
