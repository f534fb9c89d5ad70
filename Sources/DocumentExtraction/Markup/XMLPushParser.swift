import CXML2
import ExtractionWire

/// An XML parser that is fed piece by piece. Owns libxml2's context.
final class XMLPushParser {
    private let parser: xmlParserCtxtPtr
    private let context: MarkupParser.Context
    private var meter = TagMeter()

    /// - Parameter isUTF8: whatever encoding the document declares.
    init(handler: any MarkupHandler, isUTF8: Bool = false) throws(Rejection) {
        MarkupParser.prepare()
        var sax = xmlSAXHandler()
        sax.initialized = UInt32(XML_SAX2_MAGIC)
        sax.startElementNs = { context, name, _, _, _, _, count, _, values in
            MarkupParser.Context.from(context).start(name, MarkupAttributes(quintuples: values, count: Int(count)))
        }
        sax.endElementNs = { context, name, _, _ in MarkupParser.Context.from(context).end(name) }
        sax.characters = { context, text, count in MarkupParser.Context.from(context).characters(text, count) }
        sax.ignorableWhitespace = sax.characters
        sax.cdataBlock = sax.characters
        // What a document declares itself, or does not declare at all, is replaced by nothing: no file is read, nothing multiplies.
        sax.getEntity = { _, name in xmlGetPredefinedEntity(name) ?? MarkupParser.nothing }
        context = MarkupParser.Context(handler)
        let pointer = Unmanaged.passUnretained(context).toOpaque()
        guard let parser = xmlCreatePushParserCtxt(&sax, pointer, nil, 0, nil) else {
            throw Rejection(.memory, "no memory for a parser")
        }
        let ignoring = isUTF8 ? Int32(XML_PARSE_IGNORE_ENC.rawValue) : 0
        xmlCtxtUseOptions(parser, MarkupParser.xmlOptions | ignoring)
        self.parser = parser
    }

    deinit {
        if let document = parser.pointee.myDoc { xmlFreeDoc(document) }
        parser.pointee.myDoc = nil
        xmlFreeParserCtxt(parser)
    }

    /// False when the handler needs no more input.
    @discardableResult
    func feed(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> Bool {
        var offset = 0
        while offset < bytes.count {
            guard !context.handler.isDone, parser.pointee.wellFormed != 0 else { return false }
            let count = min(MarkupParser.piece, bytes.count - offset)
            let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
            guard meter.accept(part) else { throw MarkupParser.longTag }
            xmlParseChunk(parser, part.bindMemory(to: CChar.self).baseAddress, Int32(count), 0)
            offset += count
        }
        return true
    }

    func finish() throws(Rejection) {
        guard !context.handler.isDone else { return }
        if parser.pointee.wellFormed != 0 { xmlParseChunk(parser, nil, 0, 1) }
        guard parser.pointee.wellFormed == 0 else { return }
        throw Rejection(
            .malformed,
            "the XML is not well-formed: libxml2 error \(parser.pointee.lastError.code) at line \(parser.pointee.lastError.line)"
        )
    }
}
