import ExtractionWire

/// Pictures of pages: PNG, JPEG, and TIFF with one page or many.
enum PictureReader {
    static func read(_ bytes: UnsafeRawBufferPointer, limits: ExtractionLimits, recognizer: any TextRecognizer)
        throws(Rejection) -> ExtractedDocument
    {
        var pages = PageCollection()
        try recognizer.recognize(picture: bytes, limit: limits.pages) { (page) throws(Rejection) in pages.add(page) }
        guard pages.bytes > 0 else { throw Rejection(.empty, "OCR finds no text in the picture") }
        return try pages.document(.image, limits: limits)
    }
}
