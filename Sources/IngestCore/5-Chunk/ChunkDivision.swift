/// Where a run of units is divided into chunks: first where the text itself divides best, and only as far as parts do not fit.
///
/// Each place between two units has an order: of structure (a heading, a block, a part of a block), and among equals by a hash of the unit behind it. A part that is too
/// large is divided at its first place, and its parts again; neighbours that fit together then are joined. Every decision depends on what is around it alone: an
/// edit changes the chunks beside it, and those behind it stay, which chunks that are filled one after the other do not grant.
struct ChunkDivision {
    let units: [ChunkUnit]
    let sums: UnitSums
    let tokens: Int
    /// Headings do not divide, and pages do.
    let keepsToPages: Bool

    private struct Place {
        var rank: UInt8
        var hash: UInt64

        static func < (left: Place, right: Place) -> Bool {
            left.rank != right.rank ? left.rank < right.rank : left.hash < right.hash
        }
    }

    private enum Rank {
        static let page: UInt8 = 0
        /// 1 to 6, by level.
        static let lastHeading: UInt8 = 6
        static let block: UInt8 = 7
        static let part: UInt8 = 8
        /// Behind a heading, which belongs to what follows.
        static let heading: UInt8 = 9
    }

    /// A part of the run that is or was a chunk.
    private struct Leaf {
        var first: Int
        var end: Int
        var next = -1
    }

    /// A part that is being divided: its place, and the leaves of its left half once these are known.
    private struct Frame {
        var end: Int
        var place: Int
        var left: (first: Int, last: Int)?
    }

    /// The chunks' units, in their order.
    func ranges() -> [Range<Int>] {
        guard !units.isEmpty else { return [] }
        let places = (0..<units.count).map(place)
        let tree = Tree(places.count) { places[$0] < places[$1] }
        var leaves: [Leaf] = []
        var frames: [Frame] = []
        var visit: (first: Int, end: Int, root: Int)? = (0, units.count, tree.root)
        var done: (first: Int, last: Int)?
        while true {
            if let (first, end, root) = visit {
                visit = nil
                if end - first == 1 || !divides(first, end, places[root].rank) {
                    leaves.append(Leaf(first: first, end: end))
                    done = (leaves.count - 1, leaves.count - 1)
                } else {
                    frames.append(Frame(end: end, place: root))
                    visit = (first, root, tree.left[root])
                }
                continue
            }
            guard let found = done, var frame = frames.popLast() else { break }
            guard let left = frame.left else {
                frame.left = found
                frames.append(frame)
                done = nil
                visit = (frame.place, frame.end, tree.right[frame.place])
                continue
            }
            done = join(left, found, places[frame.place].rank, &leaves)
        }
        var ranges: [Range<Int>] = []
        var leaf = done?.first ?? -1
        while leaf >= 0 {
            ranges.append(leaves[leaf].first..<leaves[leaf].end)
            leaf = leaves[leaf].next
        }
        return ranges
    }

    /// Whether a part has to be divided. One that is much too large is not counted exactly, which would take long where parts are divided often.
    private func divides(_ first: Int, _ end: Int, _ rank: UInt8) -> Bool {
        if rank <= Rank.lastHeading || sums.estimate(first..<end) > 2 * tokens + 64 { return true }
        return sums.tokens(first..<end) > tokens
    }

    private func join(
        _ left: (first: Int, last: Int),
        _ right: (first: Int, last: Int),
        _ rank: UInt8,
        _ leaves: inout [Leaf]
    ) -> (first: Int, last: Int) {
        let (before, after) = (leaves[left.last], leaves[right.first])
        let whole = before.first..<after.end
        var fits = rank != Rank.page && sums.tokens(whole) <= tokens
        // A chunk ends before a heading once it holds a quarter of the budget.
        if fits, 1...Rank.lastHeading ~= rank { fits = sums.tokens(before.first..<before.end) < tokens / 4 }
        guard fits else {
            leaves[left.last].next = right.first
            return (left.first, right.last)
        }
        leaves[left.last].end = after.end
        leaves[left.last].next = after.next
        return (left.first, right.first == right.last ? left.last : right.last)
    }

    /// What comes between a unit and the one before it.
    private func place(_ index: Int) -> Place {
        let unit = units[index]
        var rank = unit.startsBlock ? Rank.block : Rank.part
        if index > 0 {
            let before = units[index - 1]
            if keepsToPages, unit.page != before.page {
                rank = Rank.page
            } else if before.headingLevel > 0 {
                rank = Rank.heading
            } else if unit.headingLevel > 0, !keepsToPages {
                rank = UInt8(unit.headingLevel)
            } else if unit.isLines, before.isLines {
                rank = Rank.part
            }
        }
        return Place(rank: rank, hash: sums.hash(of: index))
    }
}

/// The places of a run as a tree in which each is before those below it (a Cartesian tree); 0 is no place.
private struct Tree {
    private(set) var left: [Int]
    private(set) var right: [Int]
    private(set) var root = 0

    init(_ count: Int, isBefore: (Int, Int) -> Bool) {
        left = [Int](repeating: 0, count: count)
        right = left
        var spine: [Int] = []
        for place in 1..<max(1, count) {
            var below = 0
            while let last = spine.last, isBefore(place, last) {
                below = last
                spine.removeLast()
            }
            left[place] = below
            if let above = spine.last { right[above] = place }
            spine.append(place)
        }
        root = spine.first ?? 0
    }
}
