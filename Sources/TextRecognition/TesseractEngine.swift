import CTesseract

/// Owns one Tesseract engine.
final class TesseractEngine {
    private let handle: OpaquePointer

    /// - Parameter languages: names of installed models, joined by `+`. Nil where one is not installed.
    init?(languages: String) {
        handle = TessBaseAPICreate()
        guard TessBaseAPIInit3(handle, nil, languages) == 0 else { return nil }
        // Called once before the sandbox closes, so that the file stays open (see `warmUp`).
        TessBaseAPISetVariable(handle, "debug_file", "/dev/null")
        TessBaseAPISetPageSegMode(handle, PSM_AUTO)
    }

    deinit {
        TessBaseAPIEnd(handle)
        TessBaseAPIDelete(handle)
    }

    /// A word, in pixels of the picture.
    struct Word {
        var text: String
        var left: Int32
        var top: Int32
        var right: Int32
        var bottom: Int32
        /// Of its type, in points; 0 where it is not known.
        var size: Int32
        /// From 0 to 100.
        var confidence: Float
        var startsLine: Bool
    }

    /// The words of a picture, in the order in which they are read.
    func words(_ picture: borrowing Picture, resolution: Int) -> [Word] {
        TessBaseAPISetImage2(handle, picture.handle)
        TessBaseAPISetSourceResolution(handle, Int32(resolution))
        defer { TessBaseAPIClear(handle) }
        guard TessBaseAPIRecognize(handle, nil) == 0, let iterator = TessBaseAPIGetIterator(handle) else { return [] }
        defer { TessResultIteratorDelete(iterator) }
        let place = TessResultIteratorGetPageIterator(iterator)
        var words: [Word] = []
        repeat {
            guard let text = TessResultIteratorGetUTF8Text(iterator, RIL_WORD) else { continue }
            defer { TessDeleteText(text) }
            var word = Word(
                text: String(cString: text),
                left: 0,
                top: 0,
                right: 0,
                bottom: 0,
                size: 0,
                confidence: TessResultIteratorConfidence(iterator, RIL_WORD),
                startsLine: TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE) != 0
            )
            TessPageIteratorBoundingBox(place, RIL_WORD, &word.left, &word.top, &word.right, &word.bottom)
            word.size = size(iterator)
            words.append(word)
        } while TessResultIteratorNext(iterator, RIL_WORD) != 0
        return words
    }

    private func size(_ iterator: OpaquePointer) -> Int32 {
        var flags: [Int32] = Array(repeating: 0, count: 6)
        var (size, font): (Int32, Int32) = (0, 0)
        flags.withUnsafeMutableBufferPointer { flags in
            let base = flags.baseAddress!
            _ = TessResultIteratorWordFontAttributes(
                iterator,
                base,
                base + 1,
                base + 2,
                base + 3,
                base + 4,
                base + 5,
                &size,
                &font
            )
        }
        return size
    }

    /// By how many degrees the picture has to be turned clockwise for its text to be upright: 0, 90, 180 or 270. For an engine of the model `osd`.
    func orientation(_ picture: borrowing Picture, resolution: Int) -> Int {
        TessBaseAPISetImage2(handle, picture.handle)
        TessBaseAPISetSourceResolution(handle, Int32(resolution))
        defer { TessBaseAPIClear(handle) }
        var degrees: Int32 = 0
        var (confidence, scriptConfidence): (Float, Float) = (0, 0)
        var script: UnsafePointer<CChar>?
        guard
            TessBaseAPIDetectOrientationScript(handle, &degrees, &confidence, &script, &scriptConfidence) != 0,
            confidence >= Self.leastOrientationConfidence
        else { return 0 }
        // It reports by how much the text is turned.
        return (360 - Int(degrees)) % 360
    }

    private static let leastOrientationConfidence: Float = 1
}
