import CMd4c
import CXML2
import ExtractionWire
import Glibc

/// Markdown by md4c: the text as a reader sees it, with headings, list items, table rows and code.
enum MarkdownReader {
    static func read(_ bytes: [UInt8], limits: ExtractionLimits) throws(Rejection) -> ExtractedDocument {
        let matter = bytes.withUnsafeBufferPointer { FrontMatter($0) }
        let handler = MarkdownHandler(limits)
        handler.begin(matter)
        var parser = MD_PARSER()
        parser.flags = UInt32(MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS)
        parser.enter_block = { kind, detail, context in MarkdownHandler.from(context).enter(kind, detail) }
        parser.leave_block = { kind, _, context in MarkdownHandler.from(context).leave(kind) }
        parser.enter_span = { kind, detail, context in MarkdownHandler.from(context).enterSpan(kind, detail) }
        parser.leave_span = { _, _, context in MarkdownHandler.from(context).proceed }
        parser.text = { kind, text, count, context in MarkdownHandler.from(context).text(kind, text, Int(count)) }
        let code = withExtendedLifetime(handler) {
            bytes.withUnsafeBufferPointer { buffer in
                let body = UnsafeBufferPointer(rebasing: buffer[matter.end...])
                return body.withMemoryRebound(to: CChar.self) {
                    md_parse($0.baseAddress, MD_SIZE($0.count), &parser, Unmanaged.passUnretained(handler).toOpaque())
                }
            }
        }
        if handler.cells > MarkdownHandler.maximumCells {
            throw Rejection(.outputLimit, "the Markdown's tables have more than \(MarkdownHandler.maximumCells) cells")
        }
        if handler.linkBytes > MarkdownHandler.maximumLinkBytes {
            throw Rejection(.outputLimit, "the targets of the Markdown's links come to more than 64 MB")
        }
        guard code == 0 || handler.builder.isOverLimit else {
            throw Rejection(.malformed, "the Markdown cannot be parsed")
        }
        var document = try handler.builder.document(.markdown, title: handler.title, limits: limits)
        document.author = matter.author
        (document.notes.links, document.notes.modified) = (handler.links, matter.date)
        return document
    }
}

private final class MarkdownHandler {
    static let maximumCells = 2_000_000

    var builder: TextBuilder
    private(set) var title = ""
    private(set) var cells = 0
    private(set) var links: [String] = []
    private(set) var linkBytes = 0
    private var seen: Set<String> = []
    /// One definition of a long target can be used by each of a million links.
    static let maximumLinkBytes = 64 << 20
    private var titleBytes: [UInt8]?
    private var isCode = false
    private var isListItem = false
    private var isFirstCell = false

    /// Markup of an HTML block.
    private var markup: [UInt8]?
    private let limits: ExtractionLimits

    init(_ limits: ExtractionLimits) {
        builder = TextBuilder(limit: limits.textBytes)
        self.limits = limits
    }

    /// What the file says of itself; its words can be found.
    func begin(_ matter: FrontMatter) {
        title = matter.title
        guard !matter.keywords.isEmpty else { return }
        builder.begin(.paragraph)
        builder.append(matter.keywords.joined(separator: ", "))
        builder.end()
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> MarkdownHandler {
        Unmanaged<MarkdownHandler>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0 }
    }

    /// 0 to go on. A negative value ends the parse: md4c ignores positive ones for a link's span.
    var proceed: Int32 {
        builder.isOverLimit || cells > Self.maximumCells || linkBytes > Self.maximumLinkBytes ? -1 : 0
    }

    func enterSpan(_ kind: MD_SPANTYPE, _ detail: UnsafeMutableRawPointer?) -> Int32 {
        guard kind == MD_SPAN_A, let target = detail?.assumingMemoryBound(to: MD_SPAN_A_DETAIL.self).pointee.href else {
            return proceed
        }
        linkBytes += Int(target.size)
        if let text = target.text, target.size <= 2048, links.count < DocumentNotes.maximumList {
            let link = String(decoding: UnsafeRawBufferPointer(start: text, count: Int(target.size)), as: UTF8.self)
            if link.hasPrefix("http"), seen.insert(link).inserted { links.append(link) }
        }
        return proceed
    }

    func enter(_ kind: MD_BLOCKTYPE, _ detail: UnsafeMutableRawPointer?) -> Int32 {
        switch kind {
        case MD_BLOCK_H:
            let level = detail!.assumingMemoryBound(to: MD_BLOCK_H_DETAIL.self).pointee.level
            builder.begin(.heading, level: UInt8(clamping: level))
            if title.isEmpty { titleBytes = [] }
        case MD_BLOCK_LI:
            builder.begin(.listItem)
            isListItem = true
        case MD_BLOCK_P:
            // The first paragraph of a list item is the item itself.
            if isListItem { isListItem = false } else { builder.begin(.paragraph) }
        case MD_BLOCK_TR:
            builder.begin(.tableRow)
            isFirstCell = true
        case MD_BLOCK_TD, MD_BLOCK_TH:
            cells += 1
            if !isFirstCell { builder.keepPlace() }
            isFirstCell = false
        case MD_BLOCK_CODE:
            builder.begin(.code)
            isCode = true
        case MD_BLOCK_HTML:
            builder.end()
            markup = []
        default: break
        }
        return proceed
    }

    func leave(_ kind: MD_BLOCKTYPE) -> Int32 {
        switch kind {
        case MD_BLOCK_H:
            if let titleBytes { title = String(String(decoding: titleBytes, as: UTF8.self).trimmed) }
            titleBytes = nil
            builder.end()
        case MD_BLOCK_CODE:
            isCode = false
            builder.end()
        case MD_BLOCK_LI:
            isListItem = false
            builder.end()
        case MD_BLOCK_P, MD_BLOCK_TR: builder.end()
        case MD_BLOCK_HTML: endMarkup()
        default: break
        }
        return proceed
    }

    func text(_ kind: MD_TEXTTYPE, _ text: UnsafePointer<CChar>?, _ count: Int) -> Int32 {
        let bytes = UnsafeBufferPointer(
            start: UnsafeRawPointer(text!).assumingMemoryBound(to: UInt8.self),
            count: count
        )
        switch kind {
        case MD_TEXT_HTML: markup(bytes)
        case MD_TEXT_NULLCHAR: builder.append("\u{FFFD}")
        case MD_TEXT_BR, MD_TEXT_SOFTBR: builder.append(" ")
        case MD_TEXT_ENTITY: builder.append(Self.resolved(bytes))
        default:
            if isCode { builder.appendVerbatim(bytes) } else { builder.append(bytes) }
        }
        if kind == MD_TEXT_NORMAL || kind == MD_TEXT_CODE { titleBytes?.append(contentsOf: bytes) }
        return proceed
    }

    /// Tags in a line part words only where they break it.
    private func markup(_ bytes: UnsafeBufferPointer<UInt8>) {
        if markup != nil {
            markup!.append(contentsOf: bytes)
        } else if bytes.count >= 4, bytes[0] == 0x3C, bytes[1] | 0x20 == 0x62, bytes[2] | 0x20 == 0x72 {
            builder.softBreak()
        }
    }

    private func endMarkup() {
        guard let markup else { return }
        self.markup = nil
        let document = markup.withUnsafeBytes { bytes in
            Result { () throws(Rejection) in
                try HTMLReader.read(
                    bytes,
                    hints: ExtractionHints(contentType: "text/html; charset=utf-8"),
                    limits: ExtractionLimits(textBytes: limits.textBytes, mainContent: false)
                )
            }
        }
        // Markup that cannot be parsed is none of the text.
        if case .success(let document) = document { builder.append(document) }
    }

    /// md4c passes entities on as they are; the ones that HTML 4 does not know stay so.
    private static func resolved(_ entity: UnsafeBufferPointer<UInt8>) -> String {
        let raw = String(decoding: entity, as: UTF8.self)
        let name = raw.dropFirst().dropLast()
        if name == "apos" { return "'" }
        if let entity = String(name).withCString({ htmlEntityLookup($0) }) {
            return Unicode.Scalar(entity.pointee.value).map { String(Character($0)) } ?? raw
        }
        guard name.first == "#" else { return raw }
        let digits = name.dropFirst()
        let code = digits.first == "x" || digits.first == "X" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return code.flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? raw
    }
}
