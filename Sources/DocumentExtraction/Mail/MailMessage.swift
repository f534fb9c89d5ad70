import CGMime

/// Owns a parsed message.
struct MailMessage: ~Copyable {
    private let handle: UnsafeMutablePointer<GMimeMessage>

    init?(_ bytes: UnsafeRawBufferPointer) {
        let stream = g_mime_stream_mem_new_with_buffer(
            bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
            bytes.count
        )
        let parser = g_mime_parser_new_with_stream(stream)
        g_object_unref(UnsafeMutableRawPointer(stream))
        defer { g_object_unref(UnsafeMutableRawPointer(parser)) }
        guard let message = g_mime_parser_construct_message(parser, nil) else { return nil }
        handle = message
    }

    deinit { g_object_unref(UnsafeMutableRawPointer(handle)) }

    var root: UnsafeMutablePointer<GMimeObject>? { g_mime_message_get_mime_part(handle) }
    var head: MailHead { MailHead(handle) }

    static func string(_ text: UnsafePointer<CChar>?) -> String { text.map { String(cString: $0) } ?? "" }
}

/// Who wrote to whom, when and about what.
struct MailHead {
    let subject: String
    let from: String
    let to: String
    let copies: String
    /// ISO 8601.
    let date: String

    init(_ message: UnsafeMutablePointer<GMimeMessage>) {
        subject = MailMessage.string(g_mime_message_get_subject(message))
        from = Self.addresses(g_mime_message_get_from(message))
        to = Self.addresses(g_mime_message_get_to(message))
        copies = Self.addresses(g_mime_message_get_cc(message))
        date = Self.date(message)
    }

    private static func date(_ message: UnsafeMutablePointer<GMimeMessage>) -> String {
        guard let date = g_mime_message_get_date(message), let text = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%z")
        else { return "" }
        defer { g_free(text) }
        return String(cString: text)
    }

    private static func addresses(_ list: UnsafeMutablePointer<InternetAddressList>?) -> String {
        guard let list, let text = internet_address_list_to_string(list, nil, 0) else { return "" }
        defer { g_free(text) }
        return String(cString: text)
    }
}
