/// Packs units into chunks of at most `tokens` tokens.
struct ChunkPacking {
    let text: [UInt8]
    let tokenizer: Tokenizer
    let cache: PieceCache
    let tokens: Int
    /// Tokens of whole units that a chunk repeats of the one before, at most.
    let overlap: Int
    /// No chunk has units of two pages, and headings end none.
    let keepsToPages: Bool

    /// - Parameter each: gets the units of a chunk and its tokens; throws where the work has to end.
    func pack(_ units: [ChunkUnit], each: (ArraySlice<ChunkUnit>, Int) throws -> Void) rethrows {
        let sums = UnitSums(units, text, tokenizer, cache)
        var first = 0
        while first < units.count {
            let end = chunkEnd(units, sums, from: first)
            try each(units[first..<end], sums.tokens(first..<end))
            first = nextStart(units, after: first..<end)
        }
    }

    /// The end of the chunk that starts with unit `first`: at least one unit.
    private func chunkEnd(_ units: [ChunkUnit], _ sums: UnitSums, from first: Int) -> Int {
        var end = first + 1
        while end < units.count {
            let unit = units[end]
            if keepsToPages {
                if unit.page != units[first].page { break }
            } else if unit.headingLevel > 0, units[end - 1].headingLevel == 0, sums.tokens(first..<end) >= tokens / 4 {
                break
            }
            if sums.tokens(first..<end + 1) > tokens { break }
            end += 1
        }
        if end < units.count, units[end].page == units[end - 1].page {  // headings belong to what follows
            var trimmed = end
            while trimmed > first + 1, units[trimmed - 1].headingLevel > 0 { trimmed -= 1 }
            if units[trimmed - 1].headingLevel == 0 { end = trimmed }
        }
        return end
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
}

/// The tokens of runs of units, exactly, each byte counted once: what is between two units, and the pieces that it touches, is counted where they meet.
struct UnitSums {
    private let units: [ChunkUnit]
    private let text: [UInt8]
    private let tokenizer: Tokenizer
    private let cache: PieceCache
    /// Of all units before, and of all places where they meet.
    private let sums: [Int]
    private let joints: [Int]
    /// How many units before are of one piece that begins behind a blank, which both neighbours may change: runs with one inside are counted as a whole. Behind a line's end a
    /// piece begins in any case.
    private let singles: [Int]

    init(_ units: [ChunkUnit], _ text: [UInt8], _ tokenizer: Tokenizer, _ cache: PieceCache) {
        (self.units, self.text, self.tokenizer, self.cache) = (units, text, tokenizer, cache)
        var (sum, joint, single) = (0, 0, 0)
        var (sums, joints, singles) = ([0], [0], [0])
        for (place, unit) in units.enumerated() {
            sum += unit.tokens
            single += unit.pieces.pieces < 2 && unit.start > 0 && text[unit.start - 1] != 0x0A ? 1 : 0
            if place + 1 < units.count { joint += Self.joint(unit, units[place + 1], text, tokenizer, cache) }
            sums.append(sum)
            joints.append(joint)
            singles.append(single)
        }
        (self.sums, self.joints, self.singles) = (sums, joints, singles)
    }

    /// How many tokens two units have together beyond their own.
    private static func joint(
        _ left: ChunkUnit,
        _ right: ChunkUnit,
        _ text: [UInt8],
        _ tokenizer: Tokenizer,
        _ cache: PieceCache
    ) -> Int {
        let touched = left.start + left.pieces.lastStart..<right.start + right.pieces.firstEnd
        return count(touched, text, tokenizer, cache) - left.pieces.lastTokens - right.pieces.firstTokens
    }

    private static func count(_ bytes: Range<Int>, _ text: [UInt8], _ tokenizer: Tokenizer, _ cache: PieceCache) -> Int
    {
        text.withUnsafeBufferPointer {
            tokenizer.measure(UnsafeBufferPointer(rebasing: $0[bytes]), upTo: Int(Int32.max), cache).total
        }
    }

    func tokens(_ range: Range<Int>) -> Int {
        let (first, end) = (range.lowerBound, range.upperBound)
        guard end - first > 1 else { return units[first].tokens }
        guard singles[end] == singles[first] else {
            return Self.count(units[range].bytes, text, tokenizer, cache)
        }
        return sums[end] - sums[first] + joints[end - 1] - joints[first]
    }
}
