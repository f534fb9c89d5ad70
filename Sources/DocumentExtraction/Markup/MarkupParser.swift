import CXML2
import ExtractionWire

/// libxml2's parsers with SAX callbacks: no tree, no entities from outside, no network.
enum MarkupParser {
    /// Neither HUGE (lifts the parser's own limits) nor NOENT, DTDLOAD, DTDATTR, XINCLUDE (read or expand what the document names).
    static let xmlOptions = Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue)
    static let htmlOptions = Int32(
        HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
            | HTML_PARSE_NONET.rawValue
            | HTML_PARSE_COMPACT.rawValue | HTML_PARSE_IGNORE_ENC.rawValue
    )
    /// Elements deeper than this are not reported to the handler: the parsers have no limit of their own.
    static let maximumDepth = 512
    static let piece = 65_536

    final class Context {
        let handler: any MarkupHandler
        var depth = 0
        /// Stopped when the handler needs no more input and the parser is not fed piece by piece.
        var parser: xmlParserCtxtPtr?

        init(_ handler: any MarkupHandler) { self.handler = handler }

        static func from(_ pointer: UnsafeMutableRawPointer?) -> Context {
            Unmanaged<Context>.fromOpaque(pointer!)._withUnsafeGuaranteedRef { $0 }
        }

        func start(_ name: UnsafePointer<xmlChar>?, _ attributes: MarkupAttributes) {
            depth += 1
            if depth <= maximumDepth, let name { handler.start(MarkupName(pointer: name), attributes) }
        }

        func end(_ name: UnsafePointer<xmlChar>?) {
            if depth <= maximumDepth, let name { handler.end(MarkupName(pointer: name)) }
            depth -= 1
        }

        func characters(_ text: UnsafePointer<xmlChar>?, _ count: Int32) {
            handler.characters(UnsafeBufferPointer(start: text, count: Int(count)))
            if let parser, handler.isDone { xmlStopParser(parser) }
        }
    }

    /// An entity without text, of the kind that the parser does not look into. Never changed, never freed.
    nonisolated(unsafe) static let nothing: UnsafeMutablePointer<xmlEntity> = {
        let entity = UnsafeMutablePointer<xmlEntity>.allocate(capacity: 1)
        entity.initialize(to: xmlEntity())
        entity.pointee.type = XML_ENTITY_DECL
        entity.pointee.etype = XML_INTERNAL_PREDEFINED_ENTITY
        let text = UnsafeMutablePointer<xmlChar>.allocate(capacity: 1)
        text.initialize(to: 0)
        (entity.pointee.name, entity.pointee.content, entity.pointee.orig) = (UnsafePointer(text), text, text)
        return entity
    }()

    static func prepare() { _ = isReady }

    /// libxml2 is not safe to be used first by two threads at once.
    private static let isReady: Bool = {
        xmlInitParser()
        return true
    }()

    /// Parses valid UTF-8 in one go: twice as fast as in pieces, and the bytes are there.
    static func parseHTML(_ bytes: UnsafeRawBufferPointer, handler: any MarkupHandler) throws(Rejection) {
        var meter = TagMeter()
        guard bytes.count <= TagMeter.maximumTag || meter.accept(bytes) else { throw longTag }
        guard bytes.count <= Int32.max else { throw Rejection(.tooLarge, "the page has more than 2 GB") }
        prepare()
        let context = Context(handler)
        let isParsed = withExtendedLifetime(context) {
            let base = bytes.bindMemory(to: CChar.self).baseAddress
            guard let parser = htmlCreateMemoryParserCtxt(base, Int32(bytes.count)) else { return false }
            defer {
                if let document = parser.pointee.myDoc { xmlFreeDoc(document) }
                parser.pointee.myDoc = nil
                htmlFreeParserCtxt(parser)
            }
            htmlCtxtUseOptions(parser, htmlOptions)
            setHandlers(&parser.pointee.sax.pointee)
            context.parser = parser
            parser.pointee.userData = Unmanaged.passUnretained(context).toOpaque()
            // Always: its own guess is Latin-1.
            xmlSwitchEncoding(parser, XML_CHAR_ENCODING_UTF8)
            htmlParseDocument(parser)
            return true
        }
        guard isParsed else { throw Rejection(.memory, "no memory for a parser") }
    }

    private static func setHandlers(_ sax: inout xmlSAXHandler) {
        sax = xmlSAXHandler()
        sax.startElement = { context, name, pairs in
            Context.from(context).start(name, MarkupAttributes(pairs: pairs))
        }
        sax.endElement = { context, name in Context.from(context).end(name) }
        sax.characters = { context, text, count in Context.from(context).characters(text, count) }
        sax.ignorableWhitespace = sax.characters
        sax.cdataBlock = { _, _, _ in }
        sax.initialized = 1
    }

    /// UTF-8, whatever the document declares.
    static func parseXML(_ bytes: UnsafeRawBufferPointer, handler: any MarkupHandler) throws(Rejection) {
        let parser = try XMLPushParser(handler: handler, isUTF8: true)
        try parser.feed(bytes)
        try parser.finish()
    }

    static var longTag: Rejection {
        Rejection(.malformed, "a tag of the document is longer than \(TagMeter.maximumTag >> 10) KB")
    }
}
