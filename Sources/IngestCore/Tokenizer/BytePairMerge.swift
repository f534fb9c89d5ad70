/// Finds the tokens of one piece that is no token itself: the pair of lowest rank is merged until none is left.
struct BytePairMerge {
    let vocabulary: Vocabulary
    private static let maximumForScan = 256

    @inline(never)
    func count(_ piece: UnsafePointer<UInt8>, _ length: Int) -> Int {
        length <= Self.maximumForScan ? countByScan(piece, length) : countByHeap(piece, length)
    }

    /// Short pieces: the best pair is found by looking at all; quadratic, and faster than a heap at this length.
    private func countByScan(_ piece: UnsafePointer<UInt8>, _ length: Int) -> Int {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * length + 2) { memory in
            // Part i starts at starts[i]; ranks[i] is the rank of parts i and i + 1 together.
            let starts = memory.baseAddress!
            let ranks = starts + length + 1
            for index in 0..<length - 1 {
                starts[index] = Int32(index)
                ranks[index] = vocabulary.rank(piece[index], piece[index + 1])
            }
            starts[length - 1] = Int32(length - 1)
            starts[length] = Int32(length)
            ranks[length - 1] = Vocabulary.notAToken
            var parts = length
            while true {
                var best = Vocabulary.notAToken
                var at = 0
                for index in 0..<parts - 1 where ranks[index] < best {
                    best = ranks[index]
                    at = index
                }
                if best == Vocabulary.notAToken { return parts }
                ranks[at] = at + 3 <= parts ? rank(piece, starts[at], starts[at + 3]) : Vocabulary.notAToken
                if at > 0 { ranks[at - 1] = rank(piece, starts[at - 1], starts[at + 2]) }
                for index in at + 1..<parts { starts[index] = starts[index + 1] }
                for index in at + 1..<max(at + 1, parts - 1) { ranks[index] = ranks[index + 1] }
                parts -= 1
            }
        }
    }

    @inline(__always)
    private func rank(_ piece: UnsafePointer<UInt8>, _ start: Int32, _ end: Int32) -> Int32 {
        vocabulary.rankIfAny(piece + Int(start), Int(end - start))
    }

    /// Long pieces (a megabyte of one letter is one piece): a linked list of parts and a heap of pairs, O(n log n).
    private func countByHeap(_ piece: UnsafePointer<UInt8>, _ length: Int) -> Int {
        var count = 0
        let next = merged(piece, length)
        var position = 0
        while position < length {
            position = Int(next[position])
            count += 1
        }
        return count
    }

    /// The last boundary between two tokens that has at most `tokens` of them before it and is a boundary of characters, too; 0 where there is none.
    /// The bytes before it have just these tokens by themselves: no pair across a boundary was ever merged.
    func boundary(_ piece: UnsafePointer<UInt8>, _ length: Int, after tokens: Int) -> Int {
        let next = merged(piece, length)
        var (position, last) = (0, 0)
        for _ in 0..<tokens where position < length {
            position = Int(next[position])
            if position == length || piece[position] & 0xC0 != 0x80 { last = position }
        }
        return last
    }

    /// The end of each token, at its start.
    private func merged(_ piece: UnsafePointer<UInt8>, _ length: Int) -> [Int32] {
        var next = (0..<length).map { Int32($0 + 1) }
        var previous = (0..<length).map { Int32($0 - 1) }
        var ranks = (0..<length).map {
            $0 + 1 < length ? vocabulary.rank(piece[$0], piece[$0 + 1]) : Vocabulary.notAToken
        }
        var heap = PairHeap()
        for index in 0..<length { heap.push(ranks[index], Int32(index)) }
        func update(_ index: Int32, from start: Int32, to end: Int32) {
            ranks[Int(index)] = rank(piece, start, end)
            heap.push(ranks[Int(index)], index)
        }
        while let (best, at) = heap.pop() {
            guard ranks[Int(at)] == best else { continue }  // this pair has changed since
            let merged = next[Int(at)]
            let after = next[Int(merged)]
            next[Int(at)] = after
            if after < length { previous[Int(after)] = at }
            ranks[Int(merged)] = -1
            if after < length {
                update(at, from: at, to: next[Int(after)])
            } else {
                ranks[Int(at)] = Vocabulary.notAToken
            }
            let before = previous[Int(at)]
            if before >= 0 { update(before, from: before, to: after) }
        }
        return next
    }
}

/// Pairs in the order of rank, then of position.
private struct PairHeap {
    private var items: [UInt64] = []

    mutating func push(_ rank: Int32, _ position: Int32) {
        if rank == Vocabulary.notAToken { return }
        let item = UInt64(rank) << 32 | UInt64(position)
        items.append(item)
        var index = items.count - 1
        while index > 0 {
            let parent = (index - 1) >> 1
            if items[parent] <= item { break }
            items[index] = items[parent]
            index = parent
        }
        items[index] = item
    }

    mutating func pop() -> (rank: Int32, position: Int32)? {
        guard let top = items.first, let last = items.popLast() else { return nil }
        var index = 0
        while 2 * index + 1 < items.count {
            var child = 2 * index + 1
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            if items[child] >= last { break }
            items[index] = items[child]
            index = child
        }
        if !items.isEmpty { items[index] = last }
        return (Int32(top >> 32), Int32(top & 0xFFFF_FFFF))
    }
}
