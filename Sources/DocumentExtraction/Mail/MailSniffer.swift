import ExtractionWire

/// Whether text is a mail: it begins with header fields (RFC 5322 §2.2), some of which only programs write.
enum MailSniffer {
    /// What mail programs and servers write, and people who write a memo do not.
    private static let written: Set<String> = [
        "received", "return-path", "message-id", "mime-version", "delivered-to", "dkim-signature", "x-mailer",
        "arc-seal", "authentication-results", "content-transfer-encoding",
    ]
    private static let known: Set<String> = [
        "from", "to", "subject", "date", "content-type", "reply-to", "cc", "sender", "in-reply-to", "references",
    ]

    /// - Parameter promised: what name or Content-Type say. Where they say text, a few fields that a person may have written are text.
    static func isMail(_ head: [UInt8], promised: DocumentFormat?) -> Bool {
        let fields = fields(head)
        let isWritten = fields.contains(where: written.contains)
        switch promised {
        case .mail?: return !fields.isEmpty
        case nil:
            return fields.count { known.contains($0) || written.contains($0) } >= 2
                && (isWritten || fields.contains("from"))
        default: return isWritten && fields.contains(where: known.contains)
        }
    }

    /// The names of the fields that the text begins with, in lower case; none where a line before the first empty one is no field.
    private static func fields(_ head: [UInt8]) -> [String] {
        var text = head[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { $0.last == 0x0D ? $0.dropLast() : $0 }[...]
        // The line of a mailbox file (RFC 4155).
        if let first = lines.first, first.starts(with: "From ".utf8) { lines = lines.dropFirst() }
        // The last one may be cut.
        if head.count == 1024 { lines = lines.dropLast() }
        var names: [String] = []
        for line in lines {
            guard let first = line.first else { break }
            if first == 0x20 || first == 0x09, !names.isEmpty { continue }
            guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex,
                line[..<colon].allSatisfy({ (0x21...0x7E).contains($0) })
            else { return [] }
            names.append(String(decoding: line[..<colon], as: UTF8.self).lowercased())
        }
        return names
    }
}
