import CPoppler
import ExtractionWire

/// Files inside a PDF (ISO 32000-2, 7.11.4), read as documents of their own under their names, as those of a mail are.
struct EmbeddedFiles {
    private(set) var names: [String] = []
    /// Those that can be read.
    private(set) var documents: [(name: String, document: ExtractedDocument)] = []
    private var bytes = 0

    init(_ pdf: borrowing PopplerDocument, _ attachments: AttachmentReader) throws(Rejection) {
        let limit = attachments.limits.textBytes
        try pdf.withAttachments(limit: limit) { (name, contents) throws(Rejection) in
            names.append(name)
            // Settings of printing programs and the like have names of their own.
            let hints = ExtractionHints(name: name)
            guard FormatSniffer.promised(by: hints) != nil, let contents = contents() else { return true }
            if case .success(let document) = try attachments.read(contents, hints: hints) {
                bytes += document.text.count
                documents.append((name, document))
            }
            return bytes <= limit
        }
    }

    func append(to builder: inout TextBuilder) {
        for (name, document) in documents { builder.append(document, name: name) }
    }
}

extension PopplerDocument {
    /// Calls `body` with each embedded file, until it returns false: the name, and what reads its bytes; nil where they are more than the limit, or damaged.
    func withAttachments(
        limit: Int,
        _ body: (String, () -> [UInt8]?) throws(Rejection) -> Bool
    ) throws(Rejection) {
        guard poppler_document_has_attachments(handle) != 0 else { return }
        let list = poppler_document_get_attachments(handle)
        defer { g_list_free_full(list) { g_object_unref($0) } }
        var (item, count) = (list, 0)
        while let entry = item, count < DocumentNotes.maximumList {
            item = cpoppler_next(entry)
            count += 1
            guard let attachment = cpoppler_data(entry) else { continue }
            let name = cpoppler_attachment_name(attachment).map { String(cString: $0) } ?? ""
            let file = attachment.assumingMemoryBound(to: PopplerAttachment.self)
            guard try body(name, { Self.contents(file, limit) }) else { return }
        }
    }

    private struct Contents {
        var bytes: [UInt8] = []
        var limit: Int
    }

    private static func contents(_ attachment: UnsafeMutablePointer<PopplerAttachment>, _ limit: Int) -> [UInt8]? {
        var contents = Contents(limit: limit)
        let isWhole = withUnsafeMutablePointer(to: &contents) { contents in
            poppler_attachment_save_to_callback(
                attachment,
                { bytes, count, contents, _ in
                    guard let bytes, let contents = contents?.assumingMemoryBound(to: Contents.self) else { return 0 }
                    guard contents.pointee.bytes.count + Int(count) <= contents.pointee.limit else { return 0 }
                    contents.pointee.bytes.append(
                        contentsOf: UnsafeRawBufferPointer(start: bytes, count: Int(count))
                    )
                    return 1
                },
                contents,
                nil
            )
        }
        return isWhole != 0 && !contents.bytes.isEmpty ? contents.bytes : nil
    }
}
