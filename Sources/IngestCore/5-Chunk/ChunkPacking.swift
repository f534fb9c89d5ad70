/// Packs units into chunks of at most `tokens` tokens.
struct ChunkPacking {
    let text: [UInt8]
    let tokenizer: Tokenizer
    let tokens: Int
    /// Tokens of whole units that a chunk repeats of the one before, at most.
    let overlap: Int
    /// No chunk has units of two pages, and headings end none.
    let keepsToPages: Bool

    /// - Parameter each: gets the units of a chunk, as a range of `units`; throws where the work has to end.
    func pack(_ units: [ChunkUnit], each: (Range<Int>) throws -> Void) rethrows {
        var first = 0
        while first < units.count {
            let end = chunkEnd(units, from: first)
            try each(first..<end)
            first = nextStart(units, after: first..<end)
        }
    }

    /// The end of the chunk that starts with unit `first`: at least one unit.
    private func chunkEnd(_ units: [ChunkUnit], from first: Int) -> Int {
        var end = first + 1
        var sum = units[first].tokens
        while end < units.count {
            let unit = units[end]
            if keepsToPages {
                if unit.page != units[first].page { break }
            } else if unit.headingLevel > 0, sum >= tokens / 4, units[end - 1].headingLevel == 0 {
                break
            }
            if sum + unit.tokens > tokens { break }
            sum += unit.tokens + 1  // about one token for the white space between
            end += 1
        }
        if end < units.count, units[end].page == units[end - 1].page {  // headings belong to what follows
            var trimmed = end
            while trimmed > first + 1, units[trimmed - 1].headingLevel > 0 { trimmed -= 1 }
            if units[trimmed - 1].headingLevel == 0 { end = trimmed }
        }
        // The sum of parts is not the count of the whole: the white space between units has tokens, and joins them.
        guard count(units[first].start, units[end - 1].end) > tokens else { return end }
        var fits = first + 1
        while end - fits > 1 {
            let middle = (fits + end) / 2
            if count(units[first].start, units[middle - 1].end) > tokens { end = middle } else { fits = middle }
        }
        return fits
    }

    private func nextStart(_ units: [ChunkUnit], after chunk: Range<Int>) -> Int {
        let next = chunk.upperBound
        guard next < units.count, units[next].headingLevel == 0, units[next].page == units[next - 1].page else {
            return next
        }
        var start = next
        var sum = 0
        while start - 1 > chunk.lowerBound, units[start - 1].headingLevel == 0, sum + units[start - 1].tokens <= overlap
        {
            start -= 1
            sum += units[start].tokens
        }
        // The repeated part must leave room for the unit that follows, or the next chunk would be no further.
        return sum + units[next].tokens + (next - start) > tokens ? next : start
    }

    private func count(_ start: Int, _ end: Int) -> Int {
        text.withUnsafeBufferPointer { tokenizer.count(UnsafeBufferPointer(rebasing: $0[start..<end]), upTo: tokens) }
    }
}
