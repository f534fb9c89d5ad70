import ExtractionWire

/// An Office Open XML package (ECMA-376 part 2): its parts are found by relationships and content types, never by their names, which Word Online, Aspose and
/// others choose as they like.
struct OfficePackage {
    /// The part that the document is in.
    let main: String
    /// Where that part leads.
    let parts: Relationships
    private let properties: String
    private static let usualNames = ["word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"]

    /// Nil for other archives.
    init?(_ archive: inout ZipArchive) throws(Rejection) {
        let root = try Relationships.of("", in: &archive)
        let named = root.first("officeDocument").flatMap { archive.contains($0) ? $0 : nil }
        guard let main = named ?? Self.usualNames.first(where: archive.contains) else { return nil }
        self.main = main
        parts = try Relationships.of(main, in: &archive)
        properties = root.first("core-properties") ?? "docProps/core.xml"
    }

    /// The part of a kind that belongs to the main one; by its usual name where no relationship leads to it.
    func part(_ type: String, in archive: ZipArchive) -> String? {
        let usual = main.split(separator: "/").dropLast().map { $0 + "/" }.joined() + type + ".xml"
        return parts.first(type) ?? (archive.contains(usual) ? usual : nil)
    }

    /// The parts of a kind that the main one leads to, each once.
    func targets(_ type: String) -> [String] {
        var seen: Set<[UInt8]> = []
        return parts.byType.filter { $0.type == type && seen.insert(Array($0.target.utf8)).inserted }.map(\.target)
    }

    /// Nil where the main part is none that is read: a binary workbook, a drawing.
    func format(in archive: inout ZipArchive) throws(Rejection) -> DocumentFormat? {
        let types = ContentTypes(of: main)
        try archive.parse("[Content_Types].xml", types)
        let type = types.type.isEmpty ? main : types.type
        if type.contains("binary") { return nil }
        if type.contains("wordprocessingml") || type.contains("ms-word") || type.hasPrefix("word/") { return .docx }
        if type.contains("presentationml") || type.contains("ms-powerpoint") || type.hasPrefix("ppt/") { return .pptx }
        if type.contains("spreadsheetml") || type.contains("ms-excel") || type.hasPrefix("xl/") { return .xlsx }
        return nil
    }

    /// Adds title, author and dates.
    func describe(_ document: inout ExtractedDocument, _ archive: inout ZipArchive) throws(Rejection) {
        let properties = CoreProperties()
        try archive.parse(self.properties, properties)
        properties.describe(&document)
    }
}

/// The content type of one part.
private final class ContentTypes: MarkupHandler {
    private(set) var type = ""
    private let part: String

    init(of part: String) { self.part = "/\(part.lowercased())" }

    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        guard name.string == "Override", attributes["PartName"]?.lowercased() == part else { return }
        type = attributes["ContentType"] ?? ""
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}
