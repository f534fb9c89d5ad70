import CXML2
import ExtractionWire

/// What a markup document tells while it is parsed. Names are lower case for HTML and without prefix for XML.
protocol MarkupHandler: AnyObject {
    func start(_ name: String)
    func end(_ name: String)
    func characters(_ text: UnsafeBufferPointer<UInt8>)
    /// Nothing more is wanted.
    var isDone: Bool { get }
}

/// libxml2's push parsers with SAX callbacks: no tree, no entities from outside, no network.
enum MarkupParser {
    /// Neither HUGE (lifts the parser's own limits) nor NOENT, DTDLOAD, DTDATTR, XINCLUDE (read or expand what the document names).
    static let xmlOptions = Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue)
    static let htmlOptions = Int32(
        HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
            | HTML_PARSE_NONET.rawValue
            | HTML_PARSE_COMPACT.rawValue
    )
    /// Elements deeper than this are not told to the handler: the push parsers have no limit of their own.
    static let maximumDepth = 512
    private static let piece = 65_536

    private final class Context {
        let handler: any MarkupHandler
        var depth = 0

        init(_ handler: any MarkupHandler) { self.handler = handler }

        static func from(_ pointer: UnsafeMutableRawPointer?) -> Context {
            Unmanaged<Context>.fromOpaque(pointer!)._withUnsafeGuaranteedRef { $0 }
        }

        func start(_ name: UnsafePointer<xmlChar>?) {
            depth += 1
            if depth <= maximumDepth, let name { handler.start(String(cString: name)) }
        }

        func end(_ name: UnsafePointer<xmlChar>?) {
            if depth <= maximumDepth, let name { handler.end(String(cString: name)) }
            depth -= 1
        }

        func characters(_ text: UnsafePointer<xmlChar>?, _ count: Int32) {
            handler.characters(UnsafeBufferPointer(start: text, count: Int(count)))
        }
    }

    /// An entity without text, of the kind that the parser does not look into. Never changed, never freed.
    private nonisolated(unsafe) static let nothing: UnsafeMutablePointer<xmlEntity> = {
        let entity = UnsafeMutablePointer<xmlEntity>.allocate(capacity: 1)
        entity.initialize(to: xmlEntity())
        entity.pointee.type = XML_ENTITY_DECL
        entity.pointee.etype = XML_INTERNAL_PREDEFINED_ENTITY
        let text = UnsafeMutablePointer<xmlChar>.allocate(capacity: 1)
        text.initialize(to: 0)
        (entity.pointee.name, entity.pointee.content, entity.pointee.orig) = (UnsafePointer(text), text, text)
        return entity
    }()

    static func prepare() { xmlInitParser() }

    static func parseHTML(_ bytes: UnsafeRawBufferPointer, encoding: String, handler: any MarkupHandler)
        throws(Rejection)
    {
        var sax = htmlSAXHandler()
        sax.startElement = { context, name, _ in Context.from(context).start(name) }
        sax.endElement = { context, name in Context.from(context).end(name) }
        sax.characters = { context, text, count in Context.from(context).characters(text, count) }
        sax.ignorableWhitespace = sax.characters
        sax.cdataBlock = { _, _, _ in }
        let context = Context(handler)
        let pointer = Unmanaged.passUnretained(context).toOpaque()
        let isParsed = withExtendedLifetime(context) {
            guard let parser = htmlCreatePushParserCtxt(&sax, pointer, nil, 0, nil, XML_CHAR_ENCODING_NONE) else {
                return false
            }
            defer {
                if let document = parser.pointee.myDoc { xmlFreeDoc(document) }
                parser.pointee.myDoc = nil
                htmlFreeParserCtxt(parser)
            }
            htmlCtxtUseOptions(parser, htmlOptions)
            guard let converter = xmlFindCharEncodingHandler(encoding) else { return false }
            xmlSwitchToEncoding(parser, converter)
            feed(bytes, until: { handler.isDone }) { htmlParseChunk(parser, $0, $1, 0) }
            htmlParseChunk(parser, nil, 0, 1)
            return true
        }
        guard isParsed else {
            throw Rejection(.unsupported, "the page's encoding \(encoding) is not known here: save it as UTF-8")
        }
    }

    static func parseXML(_ bytes: UnsafeRawBufferPointer, handler: any MarkupHandler) throws(Rejection) {
        var sax = xmlSAXHandler()
        sax.initialized = UInt32(XML_SAX2_MAGIC)
        sax.startElementNs = { context, name, _, _, _, _, _, _, _ in Context.from(context).start(name) }
        sax.endElementNs = { context, name, _, _ in Context.from(context).end(name) }
        sax.characters = { context, text, count in Context.from(context).characters(text, count) }
        sax.ignorableWhitespace = sax.characters
        sax.cdataBlock = sax.characters
        // What a document declares itself, or does not declare at all, stands for nothing: no file is read, nothing multiplies.
        sax.getEntity = { _, name in xmlGetPredefinedEntity(name) ?? MarkupParser.nothing }
        let context = Context(handler)
        let pointer = Unmanaged.passUnretained(context).toOpaque()
        let failure: (code: Int32, line: Int32)? = withExtendedLifetime(context) {
            guard let parser = xmlCreatePushParserCtxt(&sax, pointer, nil, 0, nil) else { return (0, 0) }
            defer {
                if let document = parser.pointee.myDoc { xmlFreeDoc(document) }
                parser.pointee.myDoc = nil
                xmlFreeParserCtxt(parser)
            }
            xmlCtxtUseOptions(parser, xmlOptions)
            feed(bytes, until: { handler.isDone || parser.pointee.wellFormed == 0 }) {
                xmlParseChunk(parser, $0, $1, 0)
            }
            if handler.isDone { return nil }
            xmlParseChunk(parser, nil, 0, 1)
            guard parser.pointee.wellFormed == 0 else { return nil }
            return (parser.pointee.lastError.code, parser.pointee.lastError.line)
        }
        if let failure {
            throw Rejection(
                .malformed,
                "the XML is not well-formed: libxml2 error \(failure.code) at line \(failure.line)"
            )
        }
    }

    /// In pieces: the parsers take lengths as Int32, and let go of what they have read between two pieces.
    private static func feed(
        _ bytes: UnsafeRawBufferPointer,
        until isDone: () -> Bool,
        _ parse: (UnsafePointer<CChar>, Int32) -> Int32
    ) {
        let base = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
        var offset = 0
        while offset < bytes.count, !isDone() {
            let count = min(piece, bytes.count - offset)
            _ = parse(base + offset, Int32(count))
            offset += count
        }
    }
}
