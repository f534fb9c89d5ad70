/// What the extractor found in one document: its canonical text, and where in that text everything is.
///
/// Offsets are UTF-8 byte offsets into `text`, half open, ascending. Every reader of provenance (chunks, citations) refers to this text.
package struct ExtractedDocument: Equatable, Sendable {
    package var format: DocumentFormat
    package var title: String
    package var author: String
    /// A BCP 47 tag where the document declares one, else empty.
    package var language: String
    /// Valid UTF-8; lines end with LF, blocks are separated by an empty line.
    package var text: [UInt8]
    /// The structure of the text, in reading order, not overlapping.
    package var blocks: [Block]
    /// Where each page's text is. Empty for formats without pages.
    package var pages: [PageSpan]
    /// Where lines are on their pages. Empty for formats without geometry.
    package var lines: [LineBox]
    package var notes = DocumentNotes()

    package init(
        format: DocumentFormat,
        title: String = "",
        author: String = "",
        language: String = "",
        text: [UInt8],
        blocks: [Block],
        pages: [PageSpan] = [],
        lines: [LineBox] = []
    ) {
        self.format = format
        self.title = title
        self.author = author
        self.language = language
        self.text = text
        self.blocks = blocks
        self.pages = pages
        self.lines = lines
    }
}

/// A piece of the text that belongs together.
package struct Block: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case paragraph = 1
        case heading
        case listItem
        case tableRow
        case code
    }

    package var kind: Kind
    /// 1 to 6 for a heading, 0 for everything else.
    package var level: UInt8
    package var start: Int
    package var end: Int

    package init(kind: Kind, level: UInt8 = 0, start: Int, end: Int) {
        self.kind = kind
        self.level = level
        self.start = start
        self.end = end
    }
}

/// The text of one page. Pages are numbered from 1 in the order of the file, as readers and `pdftotext -f` count them.
package struct PageSpan: Equatable, Sendable {
    package var number: Int
    package var start: Int
    package var end: Int

    package init(number: Int, start: Int, end: Int) {
        self.number = number
        self.start = start
        self.end = end
    }
}

/// Where a line of text is on its page, in points from the page's top left corner.
package struct LineBox: Equatable, Sendable {
    package var page: Int
    package var start: Int
    package var end: Int
    package var left: Float
    package var top: Float
    package var right: Float
    package var bottom: Float

    package init(page: Int, start: Int, end: Int, left: Float, top: Float, right: Float, bottom: Float) {
        self.page = page
        self.start = start
        self.end = end
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }
}
