import ExtractionWire

/// Reads the text that pictures show (OCR).
package protocol TextRecognizer {
    /// The text of one page's picture; empty where there is none, or none that can be recognized.
    func recognize(_ page: PageRaster) throws(Rejection) -> RecognizedPage

    /// Calls `body` with the text of each page of a picture (PNG, JPEG, TIFF). Throws a rejection for what is no such picture, or has more pages than `limit`.
    func recognize(
        picture: UnsafeRawBufferPointer,
        limit: Int,
        _ body: (RecognizedPage) throws(Rejection) -> Void
    ) throws(Rejection)
}

/// What a page's picture says.
package struct RecognizedPage {
    /// Valid UTF-8; words apart by a space, lines by LF.
    package var text: [UInt8] = []
    /// One for each scalar of the text, in points.
    package var boxes: [CharacterBox] = []
    package var styles: [TextStyle] = []
    /// The page, in points.
    package var size: CharacterBox

    package init(width: Float, height: Float) {
        size = CharacterBox(left: 0, top: 0, right: width, bottom: height)
    }

    /// Appends a word, its box shared out among its scalars.
    ///
    /// - Parameter size: of its type, in points.
    package mutating func append(_ word: String, in box: CharacterBox, size: Float, startsLine: Bool) {
        if !text.isEmpty {
            text.append(startsLine ? 0x0A : 0x20)
            boxes.append(.none)
        }
        let count = word.unicodeScalars.count
        let width = box.width / Float(max(1, count))
        styles.append(TextStyle(start: boxes.count, end: boxes.count + count - 1, size: size))
        for index in 0..<count {
            let left = box.left + Float(index) * width
            boxes.append(CharacterBox(left: left, top: box.top, right: left + width, bottom: box.bottom))
        }
        text.append(contentsOf: word.utf8)
    }
}
