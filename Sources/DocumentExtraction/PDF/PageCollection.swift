import CPopplerTuning
import ExtractionWire

/// Pages as they are read; what they have in common is known after the last.
struct PageCollection {
    private var layouts: [PageLayout] = []
    private var usualColumn: Float?
    private var links: [String] = []
    private var seenLinks: Set<String> = []
    private(set) var bytes = 0
    private(set) var unreadable = 0
    /// Pages without text that show a picture.
    private(set) var pictures = 0
    private(set) var recognized = 0
    private var invisible = 0

    mutating func add(_ page: borrowing PopplerPageText?, recognizer: (any TextRecognizer)?) throws(Rejection) {
        switch page {
        case .none:
            unreadable += 1
            layouts.append(.empty)
        case .some(let page):
            var layout = PageLayout.empty
            var vertical: [poppler_tuning_character] = []
            let size = page.size
            let fields = page.fields
            DrawnCharacters.discard()
            let isRead = page.withText(fields) { text, boxes, styles in
                vertical = VerticalText.characters(text, boxes)
                var upright = UprightText.take(beside: text, boxes, styles, page: size)
                guard vertical.isEmpty else { return }
                upright?.append(fields)
                layout =
                    upright?.layout(page: size, usualColumn: &usualColumn)
                    ?? PageLayout(text: text, boxes: boxes, styles: styles, page: size, usualColumn: &usualColumn)
            }
            layout = layout.with(TurnedText.take(and: vertical, page: size))
            layout.notes = fields.notes
            if !isRead { unreadable += 1 }
            if poppler_tuning_take_invisible() > 0, !layout.isEmpty { invisible += 1 }
            for link in page.links where links.count < DocumentNotes.maximumList && link.utf8.count <= 2048 {
                if seenLinks.insert(link).inserted { links.append(link) }
            }
            if layout.isEmpty, isRead, let recognizer {
                // Letters may be drawn as curves: pages without pictures are looked at as well.
                if let raster = page.raster() { add(try recognizer.recognize(raster)) } else { append(layout) }
                return
            }
            if layout.isEmpty, page.hasImages { pictures += 1 }
            append(layout)
        }
    }

    /// Adds a page that was read from its picture.
    mutating func add(_ page: RecognizedPage) {
        let layout = page.text.withUnsafeBufferPointer { text in
            page.boxes.withUnsafeBufferPointer { boxes in
                PageLayout(text: text, boxes: boxes, styles: page.styles, page: page.size, usualColumn: &usualColumn)
            }
        }
        if !layout.lines.isEmpty { recognized += 1 }
        append(layout)
    }

    private mutating func append(_ layout: PageLayout) {
        bytes += layout.byteCount + layout.notes.reduce(0) { $0 + $1.utf8.count }
        layouts.append(layout)
    }

    mutating func document(_ format: DocumentFormat, files: EmbeddedFiles? = nil, limits: ExtractionLimits)
        throws(Rejection)
        -> ExtractedDocument
    {
        var running: [String] = []
        var seen: Set<RunningLines.Title> = []
        // Of each running title the first stays, beside the text of its page.
        var kept: [[PageTitle]] = []
        let lines = RunningLines(layouts)
        var omitted = 0
        for index in layouts.indices {
            let titles = lines.titles(in: layouts[index], at: index)
            kept.append([])
            for (place, title) in titles.sorted(by: { $0.key < $1.key }) where seen.insert(title).inserted {
                let line = layouts[index].lines[place]
                let text = layouts[index].string(line)
                if running.count < DocumentNotes.maximumList { running.append(text) }
                if !title.isPageNumber {
                    kept[index].append(PageTitle(text: text, box: layouts[index].frame.onPage(line.box)))
                }
            }
            omitted += titles.keys.reduce(0) { $0 + layouts[index].length(layouts[index].lines[$1]) }
            omitted -= kept[index].reduce(0) { $0 + $1.text.utf8.count { $0 > 0x20 } }
            layouts[index].remove { titles[$0] != nil }
        }
        Hyphenation(layouts).join(&layouts)
        let all = layouts + layouts.flatMap(\.sides)
        let (headings, code, hyphenation) = (HeadingSizes(all), CodeLines(all), Hyphenation(all))
        func writer(_ layout: PageLayout, _ number: Int) -> PageWriter {
            PageWriter(layout, number: number, headings: headings, code: code, hyphenation: hyphenation)
        }
        var watermarks = Watermarks(layouts)
        var builder = TextBuilder(limit: limits.textBytes)
        for (index, layout) in layouts.enumerated() where !builder.isOverLimit {
            builder.beginPage(index + 1)
            let middle = layout.page.height / 2
            for title in kept[index] where title.box.top < middle { title.append(to: &builder, page: index + 1) }
            writer(layout, index + 1).append(to: &builder)
            for side in layout.sides { writer(side, index + 1).append(to: &builder) }
            for label in watermarks.withoutRepeated(layout.labels, at: index) {
                label.append(to: &builder, page: index + 1)
            }
            for title in kept[index] where title.box.top >= middle { title.append(to: &builder, page: index + 1) }
            for note in layout.notes {
                builder.begin(.paragraph)
                builder.append("Note: \(note)")
                builder.end()
            }
            builder.endPage()
        }
        files?.append(to: &builder)
        builder.omit(.running, omitted)
        for layout in all {
            builder.omit(.lineNumbers, layout.lineNumbers)
            builder.omit(.layout, layout.lost)
        }
        var document = try builder.document(format, limits: limits)
        document.notes.runningLines = running
        document.notes.links = links
        document.notes.pagesWithInvisibleText = invisible
        (document.notes.pictures, document.notes.recognized) = (pictures, recognized)
        document.notes.pagesWithoutText = layouts.count(where: \.isEmpty)
        document.notes.hiddenCharacters += layouts.reduce(0) { $0 + $1.hidden }
        return document
    }
}

/// A running title, as a paragraph of its own.
private struct PageTitle {
    var text: String
    var box: CharacterBox

    func append(to builder: inout TextBuilder, page: Int) {
        builder.begin(.paragraph)
        builder.appendLine(Array(text.utf8)[...], page, box)
        builder.end()
    }
}
