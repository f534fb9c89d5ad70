import ExtractionWire

/// Packs a document into chunks of at most `tokens` tokens. Pure: the same document gives the same chunks.
///
/// A chunk is one stretch of the canonical text. It ends before a heading once it holds a quarter of the budget, never with a heading,
/// and repeats at most `overlap` tokens of whole units from the chunk before, but nothing from before a heading.
package struct Chunker: Sendable {
    package var tokens: Int
    package var overlap: Int
    package var maximumChunks: Int
    private let tokenizer: Tokenizer

    /// Part of the pipeline fingerprint: to be raised with every change that changes chunks.
    package static let version = 2

    package init(tokens: Int = 512, overlap: Int = 64, maximumChunks: Int = 20_000, tokenizer: Tokenizer = .cl100k) {
        self.tokens = tokens
        self.overlap = overlap
        self.maximumChunks = maximumChunks
        self.tokenizer = tokenizer
    }

    /// - Parameter check: called again and again, at most some milliseconds apart; what it throws ends the work.
    /// - Throws: `Rejection` where there are too many chunks.
    package func chunks(of document: ExtractedDocument, check: () throws -> Void = {}) throws -> [Chunk] {
        let units = try ChunkUnits(tokenizer: tokenizer, budget: tokens).units(of: document, check: check)
        var ranges: [Range<Int>] = []
        var first = 0
        while first < units.count {
            try check()
            let end = chunkEnd(units, from: first, document.text)
            ranges.append(first..<end)
            guard ranges.count <= maximumChunks else {
                throw Rejection(.tooManyChunks, "the document has more than \(maximumChunks) chunks (CHUNK_MAX_COUNT)")
            }
            first = nextStart(units, after: first..<end)
        }
        return try assemble(ranges, units, document, check)
    }

    /// The end of the chunk that starts with unit `first`: at least one unit.
    private func chunkEnd(_ units: [ChunkUnit], from first: Int, _ text: [UInt8]) -> Int {
        var end = first + 1
        var sum = units[first].tokens
        while end < units.count {
            let unit = units[end]
            if unit.headingLevel > 0, sum >= tokens / 4, units[end - 1].headingLevel == 0 { break }
            if sum + unit.tokens > tokens { break }
            sum += unit.tokens + 1  // about one token for the white space between
            end += 1
        }
        if end < units.count {  // headings belong to what follows
            var trimmed = end
            while trimmed > first + 1, units[trimmed - 1].headingLevel > 0 { trimmed -= 1 }
            if units[trimmed - 1].headingLevel == 0 { end = trimmed }
        }
        // The sum of parts is not the count of the whole: the white space between units has tokens, and joins them.
        guard count(text, units[first].start, units[end - 1].end) > tokens else { return end }
        var fits = first + 1
        while end - fits > 1 {
            let middle = (fits + end) / 2
            if count(text, units[first].start, units[middle - 1].end) > tokens { end = middle } else { fits = middle }
        }
        return fits
    }

    private func nextStart(_ units: [ChunkUnit], after chunk: Range<Int>) -> Int {
        guard chunk.upperBound < units.count, units[chunk.upperBound].headingLevel == 0 else { return chunk.upperBound }
        var start = chunk.upperBound
        var sum = 0
        while start - 1 > chunk.lowerBound, units[start - 1].headingLevel == 0, sum + units[start - 1].tokens <= overlap
        {
            start -= 1
            sum += units[start].tokens
        }
        // The repeated part must leave room for the unit that follows, or the next chunk would be no further.
        return sum + units[chunk.upperBound].tokens + (chunk.upperBound - start) > tokens ? chunk.upperBound : start
    }

    private func assemble(
        _ ranges: [Range<Int>],
        _ units: [ChunkUnit],
        _ document: ExtractedDocument,
        _ check: () throws -> Void
    ) throws -> [Chunk] {
        var offsets = ScalarOffsets(document.text)
        var headings = HeadingPath(document, units)
        return try ranges.enumerated().map { index, range in
            try check()
            let (start, end) = (units[range.lowerBound].start, units[range.upperBound - 1].end)
            return Chunk(
                index: index,
                text: String(decoding: document.text[start..<end], as: UTF8.self),
                tokens: count(document.text, start, end),
                characters: offsets.scalars(before: start)..<offsets.scalars(before: end),
                pages: pages(document.pages, start, end, &offsets),
                headings: headings.path(forChunk: range)
            )
        }
    }

    private func count(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        text.withUnsafeBufferPointer { tokenizer.count(UnsafeBufferPointer(rebasing: $0[start..<end]), upTo: tokens) }
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

/// Byte offsets to scalar offsets. Called in about the order of the text, so it steps from the last result, in either direction.
private struct ScalarOffsets {
    private let text: [UInt8]
    private var byte = 0
    private var scalar = 0

    init(_ text: [UInt8]) { self.text = text }

    mutating func scalars(before offset: Int) -> Int {
        while byte < offset {
            if text[byte] & 0xC0 != 0x80 { scalar += 1 }
            byte += 1
        }
        while byte > offset {
            byte -= 1
            if text[byte] & 0xC0 != 0x80 { scalar -= 1 }
        }
        return scalar
    }
}

/// The headings above each unit, followed in reading order.
private struct HeadingPath {
    private let text: [UInt8]
    private let units: [ChunkUnit]
    private var open: [(level: Int, title: String)] = []
    private var next = 0
    private static let maximumTitle = 200

    init(_ document: ExtractedDocument, _ units: [ChunkUnit]) {
        text = document.text
        self.units = units
    }

    /// The path at the chunk's first unit, with the headings that the chunk begins with.
    mutating func path(forChunk range: Range<Int>) -> [String] {
        var last = range.lowerBound
        while last + 1 < range.upperBound, units[last].headingLevel > 0, units[last + 1].headingLevel > 0 { last += 1 }
        while next <= last {
            let unit = units[next]
            if unit.headingLevel > 0 {
                open.removeAll { $0.level >= unit.headingLevel }
                let title = String(decoding: text[unit.start..<unit.end], as: UTF8.self)
                open.append((unit.headingLevel, String(title.prefix(Self.maximumTitle))))
            }
            next += 1
        }
        return open.map(\.title)
    }
}
