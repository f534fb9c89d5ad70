import CTesseract
import DocumentExtraction
import ExtractionWire

/// `TextRecognizer` by Tesseract's LSTM models. Not for several threads.
package final class TesseractRecognizer: TextRecognizer {
    /// Words below are noise of photographs and stains.
    private static let leastConfidence: Float = 30
    /// Pages below may be turned by 90 or 180 degrees.
    private static let uprightConfidence: Float = 60
    /// For pictures that do not say it: letters of ten points are then about as high as Tesseract likes them.
    private static let usualResolution = 200

    private let engine: TesseractEngine
    /// Detects a page's orientation, where that model is installed.
    private let orientation: TesseractEngine?

    /// Loads the models. Nil where one is not installed.
    ///
    /// - Parameter languages: Tesseract's names of models, joined by `+`.
    package init?(languages: String) {
        setMsgSeverity(Int32(L_SEVERITY_NONE))
        guard let engine = TesseractEngine(languages: languages) else { return nil }
        self.engine = engine
        orientation = TesseractEngine(languages: "osd")
        warmUp()
    }

    /// Opens and loads what Tesseract puts off until the first page.
    private func warmUp() {
        guard let blank = Picture(PageRaster(white: 64)) else { return }
        _ = engine.words(blank, resolution: Self.usualResolution)
        _ = orientation?.orientation(blank, resolution: Self.usualResolution)
    }

    package func recognize(_ page: PageRaster) throws(Rejection) -> RecognizedPage {
        guard let picture = Picture(page) else {
            throw Rejection(
                .memory,
                "a page's picture does not fit in the extractor's memory limit (EXTRACT_MEMORY_MB)"
            )
        }
        return recognize(picture, resolution: page.resolution)
    }

    package func recognize(
        picture bytes: UnsafeRawBufferPointer,
        limit: Int,
        _ body: (RecognizedPage) throws(Rejection) -> Void
    ) throws(Rejection) {
        var page = 0
        while let header = Picture.Header(bytes, page: page) {
            guard page < limit else {
                throw Rejection(.tooManyPages, "the picture has more than \(limit) pages (EXTRACT_MAX_PAGES)")
            }
            guard header.width * header.height <= PageRaster.mostPixels else {
                throw Rejection(
                    .tooLarge,
                    "the picture has \(header.width) x \(header.height) pixels, more than \(PageRaster.mostPixels / 1_000_000) million: scan it at 300 dpi"
                )
            }
            guard let picture = Picture(decoding: bytes, page: page, of: header.format) else { throw damaged }
            let resolution = picture.resolution ?? Self.usualResolution
            guard let grey = picture.grey() else { throw damaged }
            try body(recognize(grey, resolution: resolution))
            page += 1
            guard header.format == .tiff else { return }
        }
        guard page > 0 else { throw damaged }
    }

    private var damaged: Rejection {
        Rejection(.malformed, "the picture is damaged and cannot be decoded: open it in a viewer and save it again")
    }

    private func recognize(_ picture: consuming Picture, resolution: Int) -> RecognizedPage {
        let scale = 72 / Float(resolution)
        let size = (Float(picture.width) * scale, Float(picture.height) * scale)
        guard let straight = picture.straightened() else { return RecognizedPage(width: size.0, height: size.1) }
        let words = engine.words(straight, resolution: resolution)
        let page = Self.page(words, width: straight.width, height: straight.height, scale: scale)
        guard Self.confidence(words) < Self.uprightConfidence, let orientation else { return page }
        let quarters = orientation.orientation(straight, resolution: resolution) / 90
        guard quarters > 0, let turned = straight.turned(quarters: quarters) else { return page }
        let again = engine.words(turned, resolution: resolution)
        guard Self.confidence(again) > Self.confidence(words) else { return page }
        return Self.page(again, width: turned.width, height: turned.height, scale: scale)
    }

    /// How sure Tesseract is, from 0 to 100: of the words, by their length.
    private static func confidence(_ words: [TesseractEngine.Word]) -> Float {
        let letters = words.reduce(0) { $0 + $1.text.utf8.count }
        guard letters > 0 else { return 0 }
        return words.reduce(0) { $0 + $1.confidence * Float($1.text.utf8.count) } / Float(letters)
    }

    private static func page(_ words: [TesseractEngine.Word], width: Int, height: Int, scale: Float) -> RecognizedPage {
        var page = RecognizedPage(width: Float(width) * scale, height: Float(height) * scale)
        let sizes = TypeSizes(words)
        var startsLine = false
        for word in words {
            startsLine = startsLine || word.startsLine
            guard word.confidence >= leastConfidence, word.text.contains(where: { !$0.isWhitespace }) else { continue }
            page.append(
                word.text,
                in: CharacterBox(
                    left: Float(word.left) * scale,
                    top: Float(word.top) * scale,
                    right: Float(word.right) * scale,
                    bottom: Float(word.bottom) * scale
                ),
                size: sizes.size(word),
                startsLine: startsLine
            )
            startsLine = false
        }
        return page
    }
}

/// Type sizes that a page has for certain: Tesseract measures every line by itself, and lines of one size differ by a point or two.
private struct TypeSizes {
    private let body: Float
    private static let step: Float = 1.3

    init(_ words: [TesseractEngine.Word]) {
        let sizes = words.filter { $0.size > 0 }.map(\.size).sorted()
        body = sizes.isEmpty ? 10 : Float(sizes[sizes.count / 2])
    }

    func size(_ word: TesseractEngine.Word) -> Float {
        let size = Float(word.size)
        return size > 0 && (size > body * Self.step || size * Self.step < body) ? size : body
    }
}
