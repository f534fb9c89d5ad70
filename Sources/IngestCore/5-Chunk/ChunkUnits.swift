import ExtractionWire

/// A stretch of text that a chunk takes whole: a block, or a part of one that is too long.
struct ChunkUnit: Equatable {
    var start: Int
    var end: Int
    /// Tokens of the unit by itself.
    var pieces: PieceTokens
    /// 1 to 6 for a heading.
    var headingLevel: Int
    var isLines = false
    /// The part of a block that it begins with, or all of it.
    var startsBlock = true
    /// Counts the pages before it, where chunks keep to pages.
    var page = 0

    var tokens: Int { pieces.total }
}

extension ArraySlice<ChunkUnit> {
    /// From the first to the last of them, of which there is one at least.
    var bytes: Range<Int> { self[startIndex].start..<self[endIndex - 1].end }
}

/// Cuts a document into units: blocks where they fit, else sentences and lines, else what fits of them.
struct ChunkUnits {
    let tokenizer: Tokenizer
    let budget: Int
    let cache: PieceCache
    /// Every sentence is a unit.
    var takesSentences = false

    /// - Parameters:
    ///   - pages: where units end as well; empty where text may go on from page to page.
    ///   - check: called between blocks and cuts; throws where the work has to end.
    func units(of document: ExtractedDocument, pages: [PageSpan] = [], check: () throws -> Void) throws -> [ChunkUnit] {
        var units: [ChunkUnit] = []
        var page = 0
        try document.text.withUnsafeBufferPointer { text in
            for block in document.blocks {
                try check()
                var start = block.start
                while start < block.end {
                    while page < pages.count, pages[page].end <= start { page += 1 }
                    let end = page < pages.count ? min(block.end, max(pages[page].end, start + 1)) : block.end
                    let level = block.kind == .heading ? Int(block.level) : 0
                    var unit = ChunkUnit(start: start, end: end, pieces: PieceTokens(), headingLevel: level)
                    unit.isLines = block.kind == .code || block.kind == .tableRow
                    unit.page = page
                    if end < block.end || start > block.start { unit.trim(text) }
                    unit.pieces = measure(text, unit.start, unit.end)
                    unit.startsBlock = start == block.start
                    try cut(unit, text, into: &units, check)
                    start = end
                }
            }
        }
        return units
    }

    /// The same units, those that are too long cut again.
    func refined(_ units: ArraySlice<ChunkUnit>, _ text: [UInt8], check: () throws -> Void) throws -> [ChunkUnit] {
        try text.withUnsafeBufferPointer { text in
            var refined: [ChunkUnit] = []
            for unit in units { try cut(unit, text, into: &refined, check) }
            return refined
        }
    }

    private func cut(
        _ unit: ChunkUnit,
        _ text: UnsafeBufferPointer<UInt8>,
        into units: inout [ChunkUnit],
        _ check: () throws -> Void
    ) throws {
        guard unit.end > unit.start else { return }
        if unit.tokens <= budget, !takesSentences || unit.headingLevel > 0 || unit.isLines {
            units.append(unit)
            return
        }
        for (start, end) in SentenceEnds(text: text).sentences(unit.start, unit.end, linesOnly: unit.isLines) {
            var part = unit
            (part.start, part.end, part.pieces) = (start, end, measure(text, start, end))
            part.startsBlock = unit.startsBlock && start == unit.start
            // A heading that is too long is text.
            if unit.tokens > budget { part.headingLevel = 0 }
            try split(part, text, into: &units, check)
        }
    }

    private func measure(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> PieceTokens {
        tokenizer.measure(UnsafeBufferPointer(rebasing: text[start..<end]), upTo: budget, cache)
    }

    private func split(
        _ unit: ChunkUnit,
        _ text: UnsafeBufferPointer<UInt8>,
        into units: inout [ChunkUnit],
        _ check: () throws -> Void
    ) throws {
        if unit.tokens <= budget {
            units.append(unit)
            return
        }
        // A few tokens are kept back: the first word has more of them when the blank before it is cut off.
        let room = max(budget / 2, budget - 8)
        var position = unit.start
        while position < unit.end {
            try check()
            let rest = UnsafeBufferPointer(rebasing: text[position..<unit.end])
            let next = position + tokenizer.prefix(of: rest, tokens: room)
            var part = unit
            (part.start, part.end) = (position, next)
            part.startsBlock = unit.startsBlock && position == unit.start
            part.trim(text)
            part.pieces = measure(text, part.start, part.end)
            if part.end > part.start { units.append(part) }
            position = next
        }
    }
}

extension ChunkUnit {
    /// Leaves out the white space at its ends.
    fileprivate mutating func trim(_ text: UnsafeBufferPointer<UInt8>) {
        while end > start, SentenceEnds.isBlank(text[end - 1]) { end -= 1 }
        while start < end, SentenceEnds.isBlank(text[start]) { start += 1 }
    }
}
