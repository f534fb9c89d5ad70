import AsyncPrimitives

/// Makes chunks of at most `tokens` tokens of units.
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
        let division = ChunkDivision(units: units, sums: sums, tokens: tokens, keepsToPages: keepsToPages)
        var before = 0..<0
        for chunk in division.ranges() {
            let start = repeated(units, sums, before, chunk)
            try each(units[start..<chunk.upperBound], sums.tokens(start..<chunk.upperBound))
            before = chunk
        }
    }

    /// Where a chunk starts with the last units of the one before, as far as it has room for them.
    private func repeated(_ units: [ChunkUnit], _ sums: UnitSums, _ before: Range<Int>, _ chunk: Range<Int>) -> Int {
        var start = chunk.lowerBound
        var sum = 0
        while start - 1 > before.lowerBound, units[start].headingLevel == 0, units[start - 1].headingLevel == 0,
            units[start - 1].page == units[chunk.lowerBound].page, sum + units[start - 1].tokens <= overlap,
            sums.tokens(start - 1..<chunk.upperBound) <= tokens
        {
            start -= 1
            sum += units[start].tokens
        }
        return start
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

    /// About so many.
    func estimate(_ range: Range<Int>) -> Int { sums[range.upperBound] - sums[range.lowerBound] }

    /// The same for the same text, everywhere.
    func hash(of index: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text[units[index].start..<units[index].end] { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        // The last bytes have not reached all bits.
        return SplitMix.mixed(hash)
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
