import ExtractionWire

/// Chooses the blocks of a page that are what it is about, and leaves out navigation, sidebars and footers.
struct MainContent {
    /// What is known of each block in addition to its text.
    struct Traits {
        var isBoilerplate = false
        var isMain = false
        /// Bytes of the block that are links.
        var linkBytes = 0
    }

    /// What is chosen must hold this share of the page's text outside of links, or the page is kept whole.
    private static let leastShare = 0.25

    static func choose(_ blocks: [Block], _ traits: [Traits]) -> [Bool] {
        let all = blocks.indices.map { _ in true }
        let plain = blocks.indices.map { max(0, blocks[$0].end - blocks[$0].start - traits[$0].linkBytes) }
        let total = plain.reduce(0, +)
        func bytes(_ chosen: [Bool]) -> Int { blocks.indices.reduce(0) { $0 + (chosen[$1] ? plain[$1] : 0) } }
        func holdsEnough(_ chosen: [Bool], _ least: Double) -> Bool {
            let kept = bytes(chosen)
            return Double(kept) >= least * Double(total) && kept > 0
        }
        let marked = blocks.indices.map { traits[$0].isMain && !traits[$0].isBoilerplate }
        var chosen = traits.map { !$0.isBoilerplate }
        dropLists(&chosen, blocks, traits)
        // Where much stands outside of what is marked, the mark is of a part.
        let outside = blocks.indices.map { chosen[$0] && !marked[$0] }
        if holdsEnough(marked, leastShare), bytes(outside) <= bytes(marked) / 2 { return marked }
        if bytes(marked) > 0 { chosen = blocks.indices.map { chosen[$0] || marked[$0] } }
        if holdsEnough(chosen, leastShare) { return chosen }
        return all
    }

    /// Three short blocks in a row that are nothing but links are a menu.
    private static func dropLists(_ chosen: inout [Bool], _ blocks: [Block], _ traits: [Traits]) {
        var first = 0
        while first < blocks.count {
            var end = first
            while end < blocks.count, isLinks(blocks[end], traits[end]) { end += 1 }
            if end - first >= 3 { for index in first..<end { chosen[index] = false } }
            first = max(end, first + 1)
        }
    }

    private static func isLinks(_ block: Block, _ traits: Traits) -> Bool {
        let length = block.end - block.start
        return block.kind != .heading && length < 200 && traits.linkBytes * 10 > length * 7
    }
}
