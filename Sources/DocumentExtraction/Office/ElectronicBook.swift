import ExtractionWire

/// EPUB 2 and 3: the chapters of the spine in their order.
enum ElectronicBook {
    static func read(_ archive: inout ZipArchive, _ limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        let container = ContainerHandler()
        try archive.parse("META-INF/container.xml", container)
        let package = PackageHandler()
        guard let root = container.root, try archive.parse(root, package) else {
            throw Rejection(.malformed, "the e-book names no package document: convert it again")
        }
        let folder = root.lastIndex(of: "/").map { String(root[..<$0]) } ?? ""
        if try isProtected(&archive) {
            throw Rejection(.encrypted, "the e-book is protected by its seller: upload a copy without protection")
        }
        let properties = CoreProperties()
        try archive.parse(root, properties)
        var builder = TextBuilder(limit: limits.textBytes)
        var read: Set<[UInt8]> = []
        for id in package.spine {
            guard let item = package.items[id], !builder.isOverLimit, read.insert(Array(item.utf8)).inserted else {
                continue
            }
            guard let bytes = try archive.part(PartPath.resolve(decoded(item), in: folder)) else { continue }
            let handler = HTMLHandler(builder)
            let parsed = bytes.withUnsafeBytes { bytes in
                Result { () throws(Rejection) in
                    guard !bytes.isEmpty else { return }
                    try TextDecoder.withPage(bytes, hints: ExtractionHints()) { (page) throws(Rejection) in
                        try MarkupParser.parseHTML(page, handler: handler)
                    }
                }
            }
            try parsed.get()
            handler.finish()
            builder = handler.builder
        }
        var document = try builder.document(.epub, limits: limits)
        properties.describe(&document)
        return document
    }

    /// By rights of Adobe or Apple, by a licence (Readium LCP), or by ciphers of anything but fonts (EPUB Open Container Format, §4.2.5.3.2, §4.4).
    private static func isProtected(_ archive: inout ZipArchive) throws(Rejection) -> Bool {
        if ["META-INF/rights.xml", "META-INF/license.lcpl", "META-INF/sinf.xml"].contains(where: archive.contains) {
            return true
        }
        let ciphers = CipherHandler()
        try archive.parse("META-INF/encryption.xml", ciphers)
        return ciphers.hidesText
    }

    private static func decoded(_ path: String) -> String {
        var bytes: [UInt8] = []
        var rest = path.utf8[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest.removeFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

private final class ContainerHandler: MarkupHandler {
    private(set) var root: String?
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        if name.string == "rootfile", root == nil { root = attributes["full-path"] }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

private final class CipherHandler: MarkupHandler {
    private(set) var hidesText = false
    private static let ofFonts = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"]
    private var isKey = 0
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "EncryptedKey": isKey += 1
        case "EncryptionMethod":
            if isKey == 0, let method = attributes["Algorithm"], !Self.ofFonts.contains(method) { hidesText = true }
        default: break
        }
    }

    func end(_ name: MarkupName) { if name.string == "EncryptedKey" { isKey -= 1 } }
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

private final class PackageHandler: MarkupHandler {
    private(set) var items: [String: String] = [:]
    private(set) var spine: [String] = []
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "item":
            let type = attributes["media-type"] ?? ""
            // The table of contents repeats the chapters' titles.
            let isContents = attributes["properties"]?.split(separator: " ").contains("nav") == true
            if let id = attributes["id"], !isContents, ["html", "svg", "oeb1", "dtbook"].contains(where: type.contains)
            {
                // A part of a page: chapters may share a page, which is read once.
                let target = attributes["href"]?.split(separator: "#", omittingEmptySubsequences: false).first
                items[id] = target.map(String.init)
            }
        case "itemref": if let id = attributes["idref"] { spine.append(id) }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}
