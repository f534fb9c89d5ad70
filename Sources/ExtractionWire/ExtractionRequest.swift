/// A request from the parent to the extractor, followed by an `ExchangeNumber`. The document itself travels as a descriptor with the frame.
package enum ExtractionRequest: FrameMessage, Equatable, Sendable {
    case extract(hints: ExtractionHints, limits: ExtractionLimits)
    /// Try what the sandbox must refuse, and say what was possible.
    case probe

    package func encode(into frame: inout FrameWriter) {
        switch self {
        case .probe:
            frame.byte(1)
        case .extract(let hints, let limits):
            frame.byte(2)
            frame.string(hints.name)
            frame.string(hints.contentType)
            frame.string(hints.contentEncoding)
            frame.integer(limits.pages)
            frame.integer(limits.textBytes)
            frame.byte(limits.mainContent ? 1 : 0)
        }
    }

    package init(from frame: inout FrameReader) throws(FrameError) {
        switch try frame.byte() {
        case 1:
            self = .probe
        case 2:
            let hints = ExtractionHints(
                name: try frame.string(),
                contentType: try frame.string(),
                contentEncoding: try frame.string()
            )
            self = .extract(
                hints: hints,
                limits: ExtractionLimits(
                    pages: try frame.integer(),
                    textBytes: try frame.integer(),
                    mainContent: try frame.byte() == 1
                )
            )
        default:
            throw FrameError(reason: "an unknown request")
        }
    }
}

/// What is known of a document in addition to its bytes; its content decides first.
package struct ExtractionHints: Equatable, Sendable {
    /// The last part of the object's key, or empty.
    package var name: String
    /// The Content-Type the object was stored with, or empty.
    package var contentType: String
    /// The Content-Encoding the object was stored with, or empty.
    package var contentEncoding: String

    package init(name: String = "", contentType: String = "", contentEncoding: String = "") {
        self.name = name
        self.contentType = contentType
        self.contentEncoding = contentEncoding
    }
}

/// How much of one document is read (more is a rejection, never a part of it), and what of it.
package struct ExtractionLimits: Equatable, Sendable {
    package var pages: Int
    package var textBytes: Int
    /// Of web pages only what they are about, without navigation, sidebars and footers.
    package var mainContent: Bool

    package init(pages: Int = 10_000, textBytes: Int = 64 << 20, mainContent: Bool = true) {
        self.pages = pages
        self.textBytes = textBytes
        self.mainContent = mainContent
    }
}
