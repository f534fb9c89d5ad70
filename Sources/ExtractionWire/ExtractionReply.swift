/// A reply of the extractor: one frame for one request, followed by the request's `ExchangeNumber`.
package enum ExtractionReply: FrameMessage, Equatable, Sendable {
    case document(ExtractedDocument)
    case rejection(Rejection)
    /// What the sandbox let through (see `sandbox_probe`; 0 is right), and the kernel's Landlock version (0: it has none).
    case probed(possible: Int, landlock: Int)

    package func encode(into frame: inout FrameWriter) {
        switch self {
        case .document(let document):
            frame.byte(1)
            document.encode(into: &frame)
        case .rejection(let rejection):
            frame.byte(2)
            frame.byte(rejection.code.rawValue)
            frame.string(rejection.detail)
        case .probed(let possible, let landlock):
            frame.byte(3)
            frame.integer(possible)
            frame.integer(landlock)
        }
    }

    package init(from frame: inout FrameReader) throws(FrameError) {
        switch try frame.byte() {
        case 1:
            self = .document(try ExtractedDocument(from: &frame))
        case 2:
            guard let code = RejectionCode(rawValue: try frame.byte()) else {
                throw FrameError(reason: "an unknown rejection")
            }
            self = .rejection(Rejection(code, try frame.string()))
        case 3:
            self = .probed(possible: try frame.integer(), landlock: try frame.integer())
        default:
            throw FrameError(reason: "an unknown reply")
        }
    }
}

extension ExtractedDocument {
    fileprivate func encode(into frame: inout FrameWriter) {
        frame.byte(format.rawValue)
        frame.string(title)
        frame.string(author)
        frame.string(language)
        frame.bytes(text)
        frame.integer(blocks.count)
        for block in blocks {
            frame.byte(block.kind.rawValue)
            frame.byte(block.level)
            frame.integer(block.start)
            frame.integer(block.end)
        }
        frame.integer(pages.count)
        for page in pages {
            frame.integer(page.number)
            frame.integer(page.start)
            frame.integer(page.end)
        }
        frame.integer(lines.count)
        for line in lines {
            for value in [line.page, line.start, line.end] { frame.integer(value) }
            for value in [line.left, line.top, line.right, line.bottom] { frame.float(value) }
        }
        notes.encode(into: &frame)
    }

    fileprivate init(from frame: inout FrameReader) throws(FrameError) {
        guard let format = DocumentFormat(rawValue: try frame.byte()) else {
            throw FrameError(reason: "an unknown format")
        }
        self.init(format: format, text: [], blocks: [])
        title = try frame.string()
        author = try frame.string()
        language = try frame.string()
        text = try frame.bytes()
        guard String(validating: text, as: UTF8.self) != nil else { throw FrameError(reason: "the text is not UTF-8") }
        for _ in 0..<(try frame.count(ofItemsOfAtLeast: 10)) {
            guard let kind = Block.Kind(rawValue: try frame.byte()) else {
                throw FrameError(reason: "an unknown block")
            }
            blocks.append(
                Block(kind: kind, level: try frame.byte(), start: try frame.integer(), end: try frame.integer())
            )
        }
        for _ in 0..<(try frame.count(ofItemsOfAtLeast: 12)) {
            pages.append(PageSpan(number: try frame.integer(), start: try frame.integer(), end: try frame.integer()))
        }
        for _ in 0..<(try frame.count(ofItemsOfAtLeast: 28)) {
            lines.append(
                LineBox(
                    page: try frame.integer(),
                    start: try frame.integer(),
                    end: try frame.integer(),
                    left: try frame.float(),
                    top: try frame.float(),
                    right: try frame.float(),
                    bottom: try frame.float()
                )
            )
        }
        notes = try DocumentNotes(from: &frame)
        try checkOffsets()
    }

    private func checkOffsets() throws(FrameError) {
        func check(_ spans: some Sequence<(Int, Int)>) throws(FrameError) {
            var last = 0
            for (start, end) in spans {
                guard start >= last, end >= start, end <= text.count else {
                    throw FrameError(reason: "offsets outside the text")
                }
                guard isBoundary(start), isBoundary(end) else {
                    throw FrameError(reason: "an offset inside a character")
                }
                last = end
            }
        }
        try check(blocks.lazy.map { ($0.start, $0.end) })
        try check(pages.lazy.map { ($0.start, $0.end) })
        try check(lines.lazy.map { ($0.start, $0.end) })
    }

    private func isBoundary(_ offset: Int) -> Bool { offset == text.count || text[offset] & 0xC0 != 0x80 }
}

extension DocumentNotes {
    fileprivate func encode(into frame: inout FrameWriter) {
        for string in [created, modified, promised] { frame.string(string) }
        let entries = outline.prefix(Self.maximumList)
        frame.integer(entries.count)
        for entry in entries {
            frame.integer(entry.level)
            frame.string(entry.title)
        }
        for list in [links, attachments, runningLines] {
            let list = list.prefix(Self.maximumList)
            frame.integer(list.count)
            for string in list { frame.string(string) }
        }
        for count in [pagesWithoutText, pictures, recognized, hiddenCharacters, pagesWithInvisibleText] {
            frame.integer(count)
        }
        frame.float(Float(quality))
        frame.integer(omissions.count)
        for omission in omissions {
            frame.byte(omission.reason.rawValue)
            frame.integer(omission.characters)
        }
    }

    fileprivate init(from frame: inout FrameReader) throws(FrameError) {
        func strings() throws(FrameError) -> [String] {
            var list: [String] = []
            let count = try frame.count(ofItemsOfAtLeast: 4)
            guard count <= Self.maximumList else { throw FrameError(reason: "a list of \(count) entries") }
            for _ in 0..<count { list.append(try frame.string()) }
            return list
        }
        self.init()
        (created, modified, promised) = (try frame.string(), try frame.string(), try frame.string())
        let entries = try frame.count(ofItemsOfAtLeast: 8)
        guard entries <= Self.maximumList else { throw FrameError(reason: "an outline of \(entries) entries") }
        for _ in 0..<entries {
            outline.append(OutlineEntry(level: try frame.integer(), title: try frame.string()))
        }
        links = try strings()
        attachments = try strings()
        runningLines = try strings()
        (pagesWithoutText, pictures) = (try frame.integer(), try frame.integer())
        (recognized, hiddenCharacters) = (try frame.integer(), try frame.integer())
        pagesWithInvisibleText = try frame.integer()
        quality = Double(try frame.float())
        guard quality >= 0, quality <= 1 else { throw FrameError(reason: "a quality outside 0 and 1") }
        for _ in 0..<(try frame.count(ofItemsOfAtLeast: 5)) {
            guard let reason = Omission.Reason(rawValue: try frame.byte()) else {
                throw FrameError(reason: "an unknown omission")
            }
            guard !omissions.contains(where: { $0.reason == reason }) else {
                throw FrameError(reason: "an omission twice")
            }
            omissions.append(Omission(reason, characters: try frame.integer()))
        }
    }
}
