import CXML2

/// A small XML response of an AWS service, as a tree. Bounded: at most 20,000 elements, 32 deep.
package struct XMLElement: Sendable {
    package private(set) var name: String
    package private(set) var text = ""
    package private(set) var children: [XMLElement] = []

    private static let maximumElements = 20_000
    private static let maximumDepth = 32

    /// libxml2 is not safe to be used first by two threads at once.
    private static let isReady: Bool = {
        xmlInitParser()
        return true
    }()

    /// Nil for what is not well-formed or too large.
    package init?(parsing bytes: [UInt8]) {
        _ = Self.isReady
        let builder = Builder()
        var sax = xmlSAXHandler()
        sax.initialized = UInt32(XML_SAX2_MAGIC)
        sax.startElementNs = { context, name, _, _, _, _, _, _, _ in Builder.from(context).start(String(cString: name!))
        }
        sax.endElementNs = { context, _, _, _ in Builder.from(context).end() }
        sax.characters = { context, text, count in
            Builder.from(context).characters(UnsafeBufferPointer(start: text, count: Int(count)))
        }
        sax.cdataBlock = sax.characters
        let isWellFormed = withExtendedLifetime(builder) {
            guard let parser = xmlCreatePushParserCtxt(&sax, Unmanaged.passUnretained(builder).toOpaque(), nil, 0, nil)
            else { return false }
            defer {
                if let document = parser.pointee.myDoc { xmlFreeDoc(document) }
                parser.pointee.myDoc = nil
                xmlFreeParserCtxt(parser)
            }
            xmlCtxtUseOptions(
                parser,
                Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue)
            )
            bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return }
                _ = xmlParseChunk(parser, base.assumingMemoryBound(to: CChar.self), Int32(clamping: buffer.count), 1)
            }
            return parser.pointee.wellFormed == 1
        }
        guard isWellFormed, !builder.isTooLarge, let root = builder.root else { return nil }
        self = root
    }

    private init(name: String) { self.name = name }

    /// The first element of this name, at any depth, in document order.
    package func first(_ name: String) -> XMLElement? {
        for child in children {
            if child.name == name { return child }
            if let found = child.first(name) { return found }
        }
        return self.name == name ? self : nil
    }

    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    private final class Builder {
        private(set) var root: XMLElement?
        private(set) var isTooLarge = false
        private var open: [XMLElement] = []
        private var count = 0

        static func from(_ context: UnsafeMutableRawPointer?) -> Builder {
            Unmanaged<Builder>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0 }
        }

        func start(_ name: String) {
            count += 1
            if count > maximumElements || open.count > maximumDepth { isTooLarge = true }
            open.append(XMLElement(name: isTooLarge ? "" : name))
        }

        func end() {
            guard let element = open.popLast() else { return }
            if isTooLarge { return }
            if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
        }

        func characters(_ text: UnsafeBufferPointer<UInt8>) {
            if !isTooLarge, !open.isEmpty { open[open.count - 1].text += String(decoding: text, as: UTF8.self) }
        }
    }
}
