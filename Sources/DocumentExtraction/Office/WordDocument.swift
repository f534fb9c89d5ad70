import ExtractionWire

/// Word documents (ECMA-376 part 1, §17): headers, body with its charts, footnotes and endnotes, footers, comments. Deleted text and what a form asks for are left out.
enum WordDocument {
    static func read(
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> ExtractedDocument {
        let styles = WordStyles()
        if let part = package.part("styles", in: archive) { try archive.parse(part, styles) }
        let numbering = WordNumbering()
        if let part = package.part("numbering", in: archive) { try archive.parse(part, numbering) }
        var builder = TextBuilder(limit: limits.textBytes)
        var (imports, hidden) = ([WordHandler.Import](), 0)
        var seen: Set<[UInt8]> = []
        for part in package.targets("header") { try append(part, &archive, to: &builder, styles, &seen, limits) }
        for part in [package.main] + ["footnotes", "endnotes"].compactMap({ package.part($0, in: archive) }) {
            var handler = WordHandler(builder, styles, numbering)
            try archive.parse(part, handler)
            let layoutTables = handler.tables.layoutTables
            if !layoutTables.isEmpty {
                numbering.restart()
                handler = WordHandler(builder, styles, numbering, layoutTables: layoutTables)
                try archive.parse(part, handler)
            }
            builder = handler.builder
            hidden += handler.hidden
            if part == package.main { imports = handler.imports }
        }
        for part in package.targets("footer") { try append(part, &archive, to: &builder, styles, &seen, limits) }
        if let part = package.part("comments", in: archive) { try Comments.append(part, &archive, to: &builder) }
        if !imports.isEmpty {
            builder = try merged(builder, imports, package, &archive, limits)
        }
        var document = try builder.document(.docx, limits: limits)
        try package.describe(&document, &archive)
        document.notes.attachments = archive.names(in: "word/embeddings/")
        document.notes.hiddenCharacters += hidden
        return document
    }

    /// Adds a header or footer that says something that no other one has said.
    private static func append(
        _ part: String,
        _ archive: inout ZipArchive,
        to builder: inout TextBuilder,
        _ styles: WordStyles,
        _ seen: inout Set<[UInt8]>,
        _ limits: ExtractionLimits
    ) throws(Rejection) {
        let handler = WordHandler(TextBuilder(limit: limits.textBytes), styles, WordNumbering())
        try archive.parse(part, handler)
        // Page numbers alone say nothing.
        let text = handler.builder.text
        guard text.hasLetters, seen.insert(text).inserted else { return }
        builder.append(handler.builder, blocks: handler.builder.blocks.indices)
    }

    /// With what stands in it in parts of their own: charts, SmartArt, and documents of other formats (§17.17.2.1, `altChunk`), as report generators write them.
    private static func merged(
        _ own: TextBuilder,
        _ imports: [WordHandler.Import],
        _ package: OfficePackage,
        _ archive: inout ZipArchive,
        _ limits: ExtractionLimits
    ) throws(Rejection) -> TextBuilder {
        var merged = TextBuilder(limit: limits.textBytes)
        var next = 0
        for each in imports where !merged.isOverLimit {
            guard let part = package.parts.targets[each.id] else { continue }
            let block = min(max(each.block, next), own.blocks.count)
            merged.append(own, blocks: next..<block)
            next = block
            switch each.kind {
            case .chart: try Chart.append(part, &archive, to: &merged)
            case .diagram: try DrawingText.append(part, &archive, to: &merged, limit: limits.textBytes)
            case .document: try append(document: part, &archive, to: &merged, limits)
            }
        }
        merged.append(own, blocks: next..<own.blocks.count)
        return merged
    }

    private static func append(
        document part: String,
        _ archive: inout ZipArchive,
        to builder: inout TextBuilder,
        _ limits: ExtractionLimits
    ) throws(Rejection) {
        guard let bytes = try archive.part(part), !bytes.isEmpty else { return }
        let hints = ExtractionHints(name: String(part.split(separator: "/").last ?? ""))
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(Rejection) in
                try DocumentReader.read(bytes, hints: hints, limits: limits, recognizer: nil, nesting: 1)
            }
        }
        switch read {
        case .success(let document): builder.append(document)
        case .failure(let rejection) where rejection.code == .outputLimit: throw rejection
        case .failure: break
        }
    }
}
