import ExtractionWire

/// Cuts a document into chunks of at most `settings.tokens` tokens. Pure: the same document gives the same chunks.
///
/// A chunk is one stretch of the canonical text. By structure it ends before a heading once it holds a quarter of the budget, never with a heading,
/// and repeats at most `settings.overlap` tokens of whole units from the chunk before, but nothing from before a heading. An edit changes the chunks
/// beside it alone (`ChunkDivision`).
package struct Chunker: Sendable {
    package var settings: ChunkingSettings
    package var maximumChunks: Int
    private let tokenizer: Tokenizer
    private let caches = PieceCaches()

    /// Part of the pipeline fingerprint: to be raised with every change that changes chunks.
    package static let version = 4
    /// What stands before a text, at most.
    private static let contextTokens = 128
    /// What OpenAI's models take of one input.
    package static let inputTokens = 8191

    package init(
        _ settings: ChunkingSettings = ChunkingSettings(),
        maximumChunks: Int = 20_000,
        tokenizer: Tokenizer = .cl100k
    ) {
        self.settings = settings
        self.maximumChunks = maximumChunks
        self.tokenizer = tokenizer
    }

    package init(tokens: Int, overlap: Int, maximumChunks: Int = 20_000) {
        self.init(ChunkingSettings(tokens: tokens, overlap: overlap), maximumChunks: maximumChunks)
    }

    /// A chunk's bytes, and those of the larger stretch that it is a part of.
    private struct Piece {
        var bytes: Range<Int>
        var tokens: Int
        var parent: Int?
    }

    /// - Parameter check: called again and again, at most some milliseconds apart; what it throws ends the work.
    /// - Throws: `Rejection` where there are too many chunks.
    package func chunks(of document: ExtractedDocument, check: () throws -> Void = {}) throws -> [Chunk] {
        try caches.withCache { try chunks(of: document, $0, check) }
    }

    private func chunks(of document: ExtractedDocument, _ cache: PieceCache, _ check: () throws -> Void) throws
        -> [Chunk]
    {
        var pieces: [Piece] = []
        var parents: [Range<Int>] = []
        func add(_ bytes: Range<Int>, _ tokens: Int) throws {
            try check()
            pieces.append(Piece(bytes: bytes, tokens: tokens, parent: parents.isEmpty ? nil : parents.count - 1))
            guard pieces.count <= maximumChunks else {
                throw Rejection(.tooManyChunks, "the document has more than \(maximumChunks) chunks (CHUNK_MAX_COUNT)")
            }
        }
        let strategy = settings.strategy
        switch strategy {
        case .tokens:
            let windows = TokenWindows(
                tokenizer: tokenizer,
                cache: cache,
                tokens: settings.tokens,
                overlap: settings.overlap
            )
            try windows.windows(of: document.text, each: add)
        case .structure, .page, .sentenceWindow:
            var cut = ChunkUnits(tokenizer: tokenizer, budget: settings.tokens, cache: cache)
            cut.takesSentences = strategy == .sentenceWindow
            let units = try cut.units(of: document, pages: strategy == .page ? document.pages : [], check: check)
            try packing(document, settings.tokens, cache).pack(units) { try add($0.bytes, $1) }
        case .parentChild:
            let size = max(settings.parentTokens, settings.tokens)
            let units = try ChunkUnits(tokenizer: tokenizer, budget: size, cache: cache).units(
                of: document,
                check: check
            )
            let fine = ChunkUnits(tokenizer: tokenizer, budget: settings.tokens, cache: cache)
            try packing(document, size, cache).pack(units) { parent, _ in
                parents.append(parent.bytes)
                let parts = try fine.refined(parent, document.text, check: check)
                try packing(document, settings.tokens, cache).pack(parts) { try add($0.bytes, $1) }
            }
        }
        return try assemble(pieces, parents, document, check)
    }

    private func packing(_ document: ExtractedDocument, _ tokens: Int, _ cache: PieceCache) -> ChunkPacking {
        ChunkPacking(
            text: document.text,
            tokenizer: tokenizer,
            cache: cache,
            tokens: tokens,
            overlap: settings.strategy.isSmallToLarge ? 0 : settings.overlap,
            keepsToPages: settings.strategy == .page
        )
    }

    private func assemble(
        _ pieces: [Piece],
        _ parents: [Range<Int>],
        _ document: ExtractedDocument,
        _ check: () throws -> Void
    )
        throws -> [Chunk]
    {
        var offsets = ScalarOffsets(document.text)
        var ends = ScalarOffsets(document.text)
        var headings = HeadingPath(document)
        let room = min(Self.contextTokens, settings.tokens / 2, Self.inputTokens - settings.tokens)
        var context = ChunkContext(
            title: document.title,
            limit: settings.context == .none ? 0 : room,
            tokenizer: tokenizer
        )
        return try pieces.enumerated().map { index, piece in
            try check()
            let (start, end) = (piece.bytes.lowerBound, piece.bytes.upperBound)
            var chunk = Chunk(
                index: index,
                text: String(decoding: document.text[start..<end], as: UTF8.self),
                tokens: piece.tokens,
                characters: offsets.scalars(before: start)..<offsets.scalars(before: end),
                pages: pages(document.pages, start, end, &offsets),
                headings: headings.path(from: start, to: end)
            )
            chunk.context = context.lines(chunk.headings, tableHead: headings.tableHead)
            chunk.embedsContext = settings.context.isEmbedded
            if let parent = piece.parent {
                let (from, to) = (parents[parent].lowerBound, parents[parent].upperBound)
                chunk.parent = ChunkParent(
                    index: parent,
                    characters: ends.scalars(before: from)..<ends.scalars(before: to)
                )
            }
            return chunk
        }
    }

    private func pages(_ pages: [PageSpan], _ start: Int, _ end: Int, _ offsets: inout ScalarOffsets) -> [PagePart] {
        let first = offsets.scalars(before: start)
        // Their ends ascend: the first page of the chunk is found by halving.
        var (low, high) = (0, pages.count)
        while low < high {
            let middle = (low + high) / 2
            if pages[middle].end > start { high = middle } else { low = middle + 1 }
        }
        return pages[low...].prefix { $0.start < end }.filter { $0.end > start }.map { page in
            PagePart(number: page.number, offset: offsets.scalars(before: max(page.start, start)) - first)
        }
    }
}
