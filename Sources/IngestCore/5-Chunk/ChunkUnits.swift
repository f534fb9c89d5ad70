import ExtractionWire

/// A stretch of text that a chunk takes whole: a block, or a part of one that is too long.
struct ChunkUnit: Equatable {
    var start: Int
    var end: Int
    /// Tokens of the unit by itself.
    var tokens: Int
    /// 1 to 6 for a heading.
    var headingLevel: Int
}

/// Cuts a document into units: blocks where they fit, else sentences and lines, else what fits of them.
struct ChunkUnits {
    let tokenizer: Tokenizer
    let budget: Int

    /// - Parameter check: called between blocks and cuts; throws where the work has to end.
    func units(of document: ExtractedDocument, check: () throws -> Void) throws -> [ChunkUnit] {
        try document.text.withUnsafeBufferPointer { text in
            var units: [ChunkUnit] = []
            for block in document.blocks {
                try check()
                let tokens = count(text, block.start, block.end)
                if tokens <= budget {
                    let level = block.kind == .heading ? Int(block.level) : 0
                    append(
                        ChunkUnit(start: block.start, end: block.end, tokens: tokens, headingLevel: level),
                        to: &units
                    )
                } else {
                    for (start, end) in sentences(text, block.start, block.end) {
                        try split(text, start, end, into: &units, check)
                    }
                }
            }
            return units
        }
    }

    private func append(_ unit: ChunkUnit, to units: inout [ChunkUnit]) {
        if unit.end > unit.start { units.append(unit) }
    }

    private func count(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        tokenizer.count(UnsafeBufferPointer(rebasing: text[start..<end]), upTo: budget)
    }

    private func split(
        _ text: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ end: Int,
        into units: inout [ChunkUnit],
        _ check: () throws -> Void
    ) throws {
        let tokens = count(text, start, end)
        if tokens <= budget {
            append(ChunkUnit(start: start, end: end, tokens: tokens, headingLevel: 0), to: &units)
            return
        }
        // A few tokens are kept back: the first word has more of them when the blank before it is cut off.
        let room = max(budget / 2, budget - 8)
        var position = start
        while position < end {
            try check()
            let rest = UnsafeBufferPointer(rebasing: text[position..<end])
            let next = position + tokenizer.prefix(of: rest, tokens: room)
            var stop = next
            while stop > position, Self.isBlank(text[stop - 1]) { stop -= 1 }
            while position < stop, Self.isBlank(text[position]) { position += 1 }
            let tokens = count(text, position, stop)
            append(ChunkUnit(start: position, end: stop, tokens: tokens, headingLevel: 0), to: &units)
            position = next
        }
    }

    /// Ends of sentences (Latin ones before white space, CJK ones anywhere) and of lines, without the white space between them.
    private func sentences(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> [(Int, Int)] {
        var found: [(Int, Int)] = []
        var from = start
        var position = start
        func close(at stop: Int) {
            var stop = stop
            while stop > from, Self.isBlank(text[stop - 1]) { stop -= 1 }
            if stop > from { found.append((from, stop)) }
        }
        while position < end {
            var next = position + 1
            var isEnd = text[position] == 0x0A
            if [0x2E, 0x21, 0x3F].contains(text[position]) { isEnd = next < end && Self.isBlank(text[next]) }
            if isCJKStop(text, position, end) {
                next = position + 3
                isEnd = true
            }
            if isEnd {
                close(at: next)
                from = next
                while from < end, Self.isBlank(text[from]) { from += 1 }
                next = from
            }
            position = next
        }
        close(at: end)
        return found
    }

    /// U+3002, U+FF01, U+FF1F.
    private func isCJKStop(_ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ end: Int) -> Bool {
        guard position + 2 < end else { return false }
        return switch (text[position], text[position + 1], text[position + 2]) {
        case (0xE3, 0x80, 0x82), (0xEF, 0xBC, 0x81), (0xEF, 0xBC, 0x9F): true
        default: false
        }
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 }
}
