import CPoppler
import ExtractionWire

/// Owns a poppler document over bytes that the caller keeps alive.
struct PopplerDocument: ~Copyable {
    private let handle: OpaquePointer

    /// Poppler's own error codes (poppler.h, PopplerError).
    private enum Code {
        static let encrypted: Int32 = 1
    }

    /// No password is ever tried: documents that open with the empty one do so by themselves.
    init(bytes: UnsafeRawBufferPointer) throws(Rejection) {
        let shared = g_bytes_new_static(bytes.baseAddress, gsize(bytes.count))
        defer { g_bytes_unref(shared) }
        var failure: UnsafeMutablePointer<GError>?
        guard let handle = poppler_document_new_from_bytes(shared, nil, &failure) else {
            let code = failure?.pointee.code ?? 0
            if failure != nil { g_error_free(failure) }
            if code == Code.encrypted {
                throw Rejection(.encrypted, "the PDF opens only with a password: upload a copy without one")
            }
            throw Rejection(
                .malformed,
                "the PDF is damaged and cannot be opened: open it in a reader and save it again"
            )
        }
        self.handle = handle
    }

    deinit { g_object_unref(UnsafeMutableRawPointer(handle)) }

    var pageCount: Int { Int(poppler_document_get_n_pages(handle)) }

    var title: String { Self.take(poppler_document_get_title(handle)) }

    var author: String { Self.take(poppler_document_get_author(handle)) }

    /// Calls `body` with the text of page `index` (from 0), valid UTF-8 in reading order with lines ended by LF, and the box of each of
    /// its scalars; false where the page cannot be read.
    func withText(
        ofPage index: Int,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<CharacterBox>) -> Void
    ) -> Bool {
        guard let page = poppler_document_get_page(handle, Int32(index)) else { return false }
        defer { g_object_unref(UnsafeMutableRawPointer(page)) }
        guard let text = poppler_page_get_text(page) else { return false }
        defer { g_free(text) }
        var rectangles: UnsafeMutablePointer<PopplerRectangle>?
        var count: guint = 0
        poppler_page_get_text_layout(page, &rectangles, &count)
        defer { g_free(rectangles) }
        let boxes = UnsafeBufferPointer(start: rectangles, count: rectangles == nil ? 0 : Int(count)).map {
            CharacterBox(left: Float($0.x1), top: Float($0.y1), right: Float($0.x2), bottom: Float($0.y2))
        }
        let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
        boxes.withUnsafeBufferPointer { boxes in
            if TextDecoder.isUTF8(bytes) {
                body(bytes.assumingMemoryBound(to: UInt8.self), boxes)
            } else {
                var repaired = String(decoding: bytes, as: UTF8.self)
                repaired.withUTF8 { body($0, boxes) }
            }
        }
        return true
    }

    private static func take(_ string: UnsafeMutablePointer<gchar>?) -> String {
        guard let string else { return "" }
        defer { g_free(string) }
        return String(cString: string)
    }
}
