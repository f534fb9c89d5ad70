import CPoppler
import ExtractionWire

/// Owns a poppler document over bytes that the caller keeps alive.
struct PopplerDocument: ~Copyable {
    let handle: OpaquePointer

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
            let code = cpoppler_error_code(failure)
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

    /// ISO 8601, empty where the document does not say it.
    var created: String { Self.date(poppler_document_get_creation_date(handle)) }

    var modified: String { Self.date(poppler_document_get_modification_date(handle)) }

    /// The page at `index` (from 0), nil where it cannot be read.
    func page(_ index: Int) -> PopplerPageText? {
        poppler_document_get_page(handle, Int32(index)).map { PopplerPageText($0) }
    }

    /// The language that XMP metadata says (dc:language), else empty.
    var metadataLanguage: String {
        let metadata = Self.take(poppler_document_get_metadata(handle))
        return PDFLanguage.inMetadata(Array(metadata.utf8))
    }

    var outline: [OutlineEntry] { PopplerOutline.entries(of: handle) }

    static func take(_ string: UnsafeMutablePointer<gchar>?) -> String {
        guard let string else { return "" }
        defer { g_free(string) }
        return String(cString: string)
    }

    private static func date(_ seconds: Int) -> String {
        guard seconds > 0, let date = g_date_time_new_from_unix_utc(seconds) else { return "" }
        defer { g_date_time_unref(date) }
        return take(g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// Owns one page of a poppler document.
struct PopplerPageText: ~Copyable {
    let handle: OpaquePointer

    fileprivate init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { g_object_unref(UnsafeMutableRawPointer(handle)) }

    var size: CharacterBox {
        var (width, height) = (0.0, 0.0)
        poppler_page_get_size(handle, &width, &height)
        return CharacterBox(left: 0, top: 0, right: Float(width), bottom: Float(height))
    }

    /// The addresses that links of the page lead to.
    var links: [String] {
        let list = poppler_page_get_link_mapping(handle)
        defer { poppler_page_free_link_mapping(list) }
        var links: [String] = []
        var item = list
        while let entry = item, links.count < DocumentNotes.maximumList {
            if let address = cpoppler_data(entry).flatMap({ cpoppler_link_address($0) }) {
                links.append(String(cString: address))
            }
            item = cpoppler_next(entry)
        }
        return links
    }

    /// Whether the page shows a picture.
    var hasImages: Bool {
        let list = poppler_page_get_image_mapping(handle)
        defer { poppler_page_free_image_mapping(list) }
        return list != nil
    }

    /// Far outside of every page: a selection between two corners leaves out text that stands before the first or behind the second one, which on pages whose
    /// text runs upward may be nearly all of it.
    private static let far = 20_000.0
    private static let fromLeft = PopplerRectangle(x1: -far, y1: -far, x2: far, y2: far)
    private static let fromRight = PopplerRectangle(x1: far, y1: -far, x2: -far, y2: far)

    /// Calls `body` with the page's text, valid UTF-8 with lines ended by LF, the box of each of its scalars, and how they look; false where it cannot be read.
    ///
    /// Poppler's text is a selection from one corner to the other. Where text runs from right to left, the one that begins at the right may hold more.
    func withText(
        _ fields: PageFields,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<CharacterBox>, [TextStyle]) -> Void
    ) -> Bool {
        guard !fields.values.isEmpty else { return withText(body) }
        var (text, places, looks) = ([UInt8](), [CharacterBox](), [TextStyle]())
        _ = withText { (text, places, looks) = (Array($0), Array($1), $2) }
        let scalars = text.count { $0 & 0xC0 != 0x80 }
        // Without boxes the page's text keeps its order, and the values follow.
        let hasBoxes = text.isEmpty || !places.isEmpty
        if let last = places.last, places.count < scalars {
            places += Array(repeating: last, count: scalars - places.count)
        }
        fields.append(to: &text, &places)
        if !hasBoxes { places = [] }
        text.withUnsafeBufferPointer { text in places.withUnsafeBufferPointer { body(text, $0, looks) } }
        return true
    }

    var fields: PageFields { PageFields(handle, height: size.height) }

    private func withText(_ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<CharacterBox>, [TextStyle]) -> Void)
        -> Bool
    {
        guard let left = Selection(handle, Self.fromLeft) else {
            body(UnsafeBufferPointer(start: nil, count: 0), UnsafeBufferPointer(start: nil, count: 0), [])
            return false
        }
        guard left.bytes.isEmpty || left.hasMarks, let right = Selection(handle, Self.fromRight)
        else {
            left.with(handle, body)
            return true
        }
        if right.letters > left.letters { right.with(handle, body) } else { left.with(handle, isVisual: true, body) }
        return true
    }

    /// The text between two corners. Owns poppler's copy.
    private struct Selection: ~Copyable {
        private let text: UnsafeMutablePointer<CChar>
        private let area: PopplerRectangle
        let bytes: UnsafeBufferPointer<UInt8>
        let hasMarks: Bool

        init?(_ page: OpaquePointer, _ area: PopplerRectangle) {
            self.area = area
            var area = area
            guard let text = poppler_page_get_text_for_area(page, &area) else { return nil }
            let length = strlen(text)
            if TextDecoder.isUTF8(UnsafeRawBufferPointer(start: text, count: length)) {
                self.text = text
            } else {
                let repaired = String(cString: text)
                g_free(text)
                self.text = repaired.withCString { g_strdup($0) }
            }
            bytes = UnsafeRawBufferPointer(start: self.text, count: strlen(self.text)).assumingMemoryBound(
                to: UInt8.self
            )
            hasMarks = DirectionMarks.hasMarks(bytes)
        }

        deinit { g_free(text) }

        /// Bytes that are neither blanks nor marks.
        var letters: Int { bytes.indices.count { bytes[$0] > 0x20 && DirectionMarks.mark(bytes, $0) == nil } }

        /// - Parameter isVisual: words from right to left stand in the order of the page.
        func with(
            _ page: OpaquePointer,
            isVisual: Bool = false,
            _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<CharacterBox>, [TextStyle]) -> Void
        ) {
            guard !bytes.isEmpty else { return body(bytes, UnsafeBufferPointer(start: nil, count: 0), []) }
            var area = area
            var rectangles: UnsafeMutablePointer<PopplerRectangle>?
            var count: guint = 0
            poppler_page_get_text_layout_for_area(page, &area, &rectangles, &count)
            defer { g_free(rectangles) }
            var boxes = UnsafeBufferPointer(start: rectangles, count: rectangles == nil ? 0 : Int(count)).map {
                CharacterBox(left: Float($0.x1), top: Float($0.y1), right: Float($0.x2), bottom: Float($0.y2))
            }
            var styles = Background.take().shown(PopplerPageText.styles(page, area), boxes)
            guard hasMarks else {
                boxes.withUnsafeBufferPointer { body(bytes, $0, styles) }
                return
            }
            let lines = isVisual ? VisualLines(bytes) : nil
            let entries = lines?.entries ?? DirectionMarks(bytes).entries
            styles = TextStyle.placed(styles, by: entries)
            boxes = entries.compactMap { $0 < boxes.count ? boxes[$0] : nil }
            boxes.withUnsafeBufferPointer { boxes in
                guard let text = lines?.text else { return body(bytes, boxes, styles) }
                text.withUnsafeBufferPointer { body($0, boxes, styles) }
            }
        }
    }

    private static func styles(_ page: OpaquePointer, _ area: PopplerRectangle) -> [TextStyle] {
        var area = area
        let list = poppler_page_get_text_attributes_for_area(page, &area)
        defer { poppler_page_free_text_attributes(list) }
        var styles: [TextStyle] = []
        var item = list
        while let entry = item {
            item = cpoppler_next(entry)
            guard let attributes = cpoppler_data(entry)?.assumingMemoryBound(to: PopplerTextAttributes.self).pointee
            else { continue }
            let color = attributes.color
            var style = TextStyle(
                start: Int(attributes.start_index),
                end: Int(attributes.end_index),
                size: Float(attributes.font_size),
                isBold: cpoppler_is_bold(attributes.font_name) != 0,
                isWhite: color.red >= 0xFA00 && color.green >= 0xFA00 && color.blue >= 0xFA00
            )
            style.isFixed = cpoppler_is_fixed(attributes.font_name) != 0
            styles.append(style)
        }
        return styles
    }
}
