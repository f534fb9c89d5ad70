import ExtractionWire

/// PowerPoint presentations (ECMA-376 part 1, §19): each slide is a page, its title a heading, then its shapes from top to bottom, its notes and comments the end of it. A hidden
/// slide is read, and counts as hidden text.
enum Presentation {
    static func read(
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let order = SlideOrder()
        try archive.parse(package.main, order)
        // r:id and id have one local name: the one that leads somewhere is meant.
        let slides = order.ids.compactMap { $0.lazy.compactMap { package.parts.targets[$0] }.first }
        guard slides.count <= limits.pages else {
            throw Rejection(
                .tooManyPages,
                "the presentation has \(slides.count) slides, more than \(limits.pages) (EXTRACT_MAX_PAGES)"
            )
        }
        var builder = TextBuilder(limit: limits.textBytes)
        var layouts: [String: SlideLayout] = [:]
        var hidden = 0
        for (index, slide) in slides.enumerated() where !builder.isOverLimit {
            builder.beginPage(index + 1)
            let start = builder.text.count
            let parts = try Relationships.of(slide, in: &archive)
            let layout = parts.first("slideLayout")
            if let layout, layouts[layout] == nil {
                layouts[layout] = SlideLayout()
                try archive.parse(layout, layouts[layout]!)
            }
            let handler = SlideHandler(limit: limits.textBytes, layout: layout.flatMap { layouts[$0] })
            try archive.parse(slide, handler)
            try append(handler, parts, &archive, to: &builder)
            for part in parts.byType where part.type == "notesSlide" {
                let notes = SlideHandler(limit: limits.textBytes, layout: nil)
                try archive.parse(part.target, notes)
                builder.append(notes.builder, blocks: notes.builder.blocks.indices)
            }
            for part in parts.byType where part.type == "comments" {
                try Comments.append(part.target, &archive, to: &builder)
            }
            builder.endPage()
            if handler.isHidden { hidden += builder.text[start...].inkedCharacters }
        }
        var document = try builder.document(.pptx, limits: limits)
        try package.describe(&document, &archive)
        document.notes.attachments = archive.names(in: "ppt/embeddings/")
        document.notes.hiddenCharacters += hidden
        return document
    }

    private static func append(
        _ slide: SlideHandler,
        _ parts: Relationships,
        _ archive: inout ZipArchive,
        to builder: inout TextBuilder
    ) throws(Rejection) {
        for shape in SlideShape.ordered(slide.shapes, blocks: slide.builder.blocks.count) {
            builder.append(slide.builder, blocks: shape.blocks)
            for (kind, id) in shape.parts {
                guard let target = parts.targets[id] else { continue }
                switch kind {
                case .chart: try Chart.append(target, &archive, to: &builder)
                case .diagram: try DrawingText.append(target, &archive, to: &builder, limit: slide.limit)
                }
            }
        }
    }
}

private final class SlideOrder: MarkupHandler {
    private(set) var ids: [[String]] = []
    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        guard name.string == "sldId" else { return }
        ids.append(attributes.all.filter { $0.name == "id" }.map(\.value))
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}
