import CGMime
import ExtractionWire

/// E-mail (RFC 5322, MIME): who wrote what to whom, the text, and attachments as documents of their own under their names. A mailbox is read mail by mail, a saved web page
/// (RFC 2557) is a mail as well.
struct MailReader {
    private static let maximumDepth = 32
    private static let maximumParts = 2000
    /// GMime reads addresses recursively: groups in groups in a header of 200 KB overflow its stack.
    private static let maximumHeader = 64 << 10

    /// Plain text with more bytes is a text of its own.
    private static let longestStub = 400

    private var builder: TextBuilder
    private var notes = DocumentNotes()
    private var parts = 0
    private let attachments: AttachmentReader

    static func prepare() { _ = isReady }

    private static let isReady: Bool = {
        g_mime_init()
        return true
    }()

    static func read(_ bytes: UnsafeRawBufferPointer, attachments: AttachmentReader) throws(Rejection)
        -> ExtractedDocument
    {
        prepare()
        var reader = MailReader(attachments)
        let messages = Mailbox.messages(bytes)
        let head = try reader.read(UnsafeRawBufferPointer(rebasing: bytes[messages[0]]))
        for range in messages.dropFirst() where !reader.builder.isOverLimit {
            // One mail of a mailbox that cannot be read costs that mail. Limits are the mailbox's.
            do {
                _ = try reader.read(UnsafeRawBufferPointer(rebasing: bytes[range]))
            } catch  where error.code != .outputLimit {
                reader.builder.omit(.damaged, range.count)
            }
        }
        var document = try reader.builder.document(.mail, title: head.subject, limits: attachments.limits)
        document.author = head.from
        reader.notes.hiddenCharacters = document.notes.hiddenCharacters
        document.notes = reader.notes
        document.notes.created = head.date
        return document
    }

    private init(_ attachments: AttachmentReader) {
        builder = TextBuilder(limit: attachments.limits.textBytes)
        self.attachments = attachments
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> MailHead {
        guard Self.headerLength(bytes) <= Self.maximumHeader else {
            throw Rejection(.malformed, "the mail's header is longer than \(Self.maximumHeader >> 10) KB")
        }
        guard let message = MailMessage(bytes) else { throw Rejection(.malformed, "the mail cannot be parsed") }
        let head = message.head
        parts = 0
        describe(head, level: 1)
        if let root = message.root { try walk(root, depth: 0) }
        return head
    }

    private static func headerLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        var isLineStart = false
        for (index, byte) in bytes.prefix(maximumHeader + 2).enumerated() where byte != 0x0D {
            if byte == 0x0A, isLineStart { return index }
            isLineStart = byte == 0x0A
        }
        return bytes.count
    }

    private mutating func describe(_ head: MailHead, level: UInt8) {
        builder.begin(.heading, level: level)
        builder.append(head.subject)
        let fields = [("From", head.from), ("To", head.to), ("Cc", head.copies), ("Date", head.date)]
        for (name, value) in fields where !value.isEmpty {
            builder.begin(.listItem)
            builder.append("\(name): \(value)")
        }
        builder.end()
    }

    /// - Parameter isAlternative: the object is a form of what was read already: of it only the attachments are.
    private mutating func walk(
        _ object: UnsafeMutablePointer<GMimeObject>,
        depth: Int,
        isAlternative: Bool = false
    ) throws(Rejection) {
        parts += 1
        guard depth <= Self.maximumDepth, parts <= Self.maximumParts else {
            throw Rejection(
                .outputLimit,
                "the mail has more than \(Self.maximumParts) parts, or parts nested deeper than \(Self.maximumDepth)"
            )
        }
        if cgmime_is_multipart(object) != 0 {
            let children = Self.children(cgmime_multipart(object))
            if Self.type(object) == "multipart/alternative", !isAlternative {
                guard let chosen = choose(children, depth: depth) else { return }
                try walk(children[chosen], depth: depth + 1)
                // Apple Mail puts attachments beside the HTML.
                for (place, child) in children.enumerated() where place != chosen {
                    try walk(child, depth: depth + 1, isAlternative: true)
                }
            } else if !isAlternative || Self.type(object) != "multipart/related" {
                for child in children { try walk(child, depth: depth + 1, isAlternative: isAlternative) }
            }
        } else if cgmime_is_message_part(object) != 0 {
            guard let message = g_mime_message_part_get_message(cgmime_message_part(object)) else { return }
            describe(MailHead(message), level: 2)
            if let root = g_mime_message_get_mime_part(message) { try walk(root, depth: depth + 1) }
        } else if cgmime_is_part(object) != 0 {
            if !isAlternative || Self.isAttached(object) { try part(object, type: Self.type(object)) }
        }
    }

    /// The place of the form that is read: plain text, else the last, which is the richest (RFC 2046 §5.1.4). Plain text that is blank, or says no more than that there
    /// is HTML, is none.
    private func choose(_ children: [UnsafeMutablePointer<GMimeObject>], depth: Int) -> Int? {
        guard let plain = children.firstIndex(where: { Self.type($0) == "text/plain" }) else {
            return children.indices.last
        }
        let letters = letters(children[plain], depth: depth)
        guard letters < Self.longestStub, let last = children.indices.last, last != plain else { return plain }
        return self.letters(children[last], depth: depth) > 3 * letters ? last : plain
    }

    /// Bytes of the first text in a part that are no blanks.
    private func letters(_ object: UnsafeMutablePointer<GMimeObject>, depth: Int) -> Int {
        guard depth <= Self.maximumDepth else { return 0 }
        if cgmime_is_multipart(object) != 0 {
            let children = Self.children(cgmime_multipart(object)).prefix(8)
            return children.lazy.map { letters($0, depth: depth + 1) }.first { $0 > 0 } ?? 0
        }
        let type = Self.type(object)
        guard cgmime_is_part(object) != 0, type.hasPrefix("text/"), !Self.isAttached(object),
            let bytes = Self.content(cgmime_part(object), limit: attachments.limits.textBytes)
        else { return 0 }
        if type == "text/plain" { return bytes.count { $0 > 0x20 } }
        // A form that is only measured is not worth OCR: the one that is chosen is read again.
        let measuring = AttachmentReader(limits: attachments.limits, recognizer: nil, nesting: attachments.nesting)
        guard case .success(let document)? = try? measuring.read(bytes, hints: ExtractionHints(contentType: type))
        else { return 0 }
        return document.text.count { $0 > 0x20 }
    }

    /// What a saved web page is laid out and moved by.
    private static func isStyle(_ type: String) -> Bool {
        ["text/css", "text/javascript", "text/ecmascript"].contains(type)
    }

    private static func isAttached(_ object: UnsafeMutablePointer<GMimeObject>) -> Bool {
        let part = cgmime_part(object)
        return g_mime_part_is_attachment(part) != 0 || !MailMessage.string(g_mime_part_get_filename(part)).isEmpty
    }

    private mutating func part(_ object: UnsafeMutablePointer<GMimeObject>, type: String) throws(Rejection) {
        let part = cgmime_part(object)
        let name = MailMessage.string(g_mime_part_get_filename(part))
        let isAttached = Self.isAttached(object)
        if isAttached, notes.attachments.count < DocumentNotes.maximumList { notes.attachments.append(name) }
        guard isAttached || type.hasPrefix("text/") && !Self.isStyle(type) else { return }
        let charset = MailMessage.string(g_mime_object_get_content_type_parameter(object, "charset"))
        let hints = ExtractionHints(
            name: isAttached ? name : "",
            contentType: charset.isEmpty ? type : "\(type); charset=\(charset)"
        )
        guard let bytes = Self.content(part, limit: attachments.limits.textBytes), !bytes.isEmpty else { return }
        switch try attachments.read(bytes, hints: hints) {
        case .success(let document):
            if isAttached { builder.append(document, name: name) } else { builder.append(document) }
            notes.pictures += document.notes.pictures
            notes.recognized += document.notes.recognized
        case .failure(let rejection): if rejection.code == .needsOCR { notes.pictures += 1 }
        }
    }

    private static func children(_ multipart: UnsafeMutablePointer<GMimeMultipart>)
        -> [UnsafeMutablePointer<GMimeObject>]
    {
        (0..<max(0, g_mime_multipart_get_count(multipart))).compactMap { g_mime_multipart_get_part(multipart, $0) }
    }

    private static func type(_ object: UnsafeMutablePointer<GMimeObject>) -> String {
        guard let type = g_mime_object_get_content_type(object) else { return "" }
        let (media, sub) = (g_mime_content_type_get_media_type(type), g_mime_content_type_get_media_subtype(type))
        return "\(MailMessage.string(media))/\(MailMessage.string(sub))".lowercased()
    }

    /// The decoded bytes of a part; nil where they are more than the limit.
    private static func content(_ part: UnsafeMutablePointer<GMimePart>, limit: Int) -> [UInt8]? {
        guard let content = g_mime_part_get_content(part), let sink = g_mime_stream_mem_new() else { return nil }
        defer { g_object_unref(UnsafeMutableRawPointer(sink)) }
        g_mime_data_wrapper_write_to_stream(content, sink)
        let memory = UnsafeMutableRawPointer(sink).assumingMemoryBound(to: GMimeStreamMem.self)
        guard let array = g_mime_stream_mem_get_byte_array(memory), array.pointee.len <= limit else { return nil }
        return Array(UnsafeBufferPointer(start: array.pointee.data, count: Int(array.pointee.len)))
    }
}
