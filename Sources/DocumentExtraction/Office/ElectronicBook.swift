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
        if archive.contains("META-INF/rights.xml") {
            throw Rejection(.encrypted, "the e-book is protected by its seller: upload a copy without protection")
        }
        let properties = CoreProperties()
        try archive.parse(root, properties)
        var builder = TextBuilder(limit: limits.textBytes)
        for id in package.spine {
            guard let item = package.items[id], !builder.isOverLimit else { continue }
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

private final class PackageHandler: MarkupHandler {
    private(set) var items: [String: String] = [:]
    private(set) var spine: [String] = []
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "item":
            if let id = attributes["id"], (attributes["media-type"] ?? "").contains("html") {
                items[id] = attributes["href"]
            }
        case "itemref": if let id = attributes["idref"] { spine.append(id) }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}
