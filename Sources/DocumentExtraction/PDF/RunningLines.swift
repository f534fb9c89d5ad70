/// Finds headers, footers and page numbers: lines at the edge of a page that are repeated, except for their numbers, at the same place of other pages.
struct RunningLines {
    /// A line by its words, with every number as `#`, and its place: pages differ in height, so footers count from below.
    private struct Key: Hashable {
        var text: String
        var place: Int
        var isBottom: Bool
    }

    /// Lines from each edge that are looked at, and how far from the edge they may be.
    private static let depth = 4
    private static let zone: Float = 0.14

    private var counts: [Key: Int] = [:]
    private var candidates: [[(Key, Int)]] = []

    init(_ layouts: [PageLayout]) {
        candidates = layouts.map(Self.candidates)
        for (key, _) in candidates.joined() { counts[key, default: 0] += 1 }
    }

    private var pages: Int { candidates.count }

    /// The places in `layout.lines` of the running lines of `layout`, which is the document's page at `index`.
    func places(in layout: PageLayout, at index: Int) -> Set<Int> {
        var places = Set(candidates[index].filter { isRunning($0.0) }.map(\.1))
        // The head of a table that goes on from page to page is in a row with other cells.
        for place in places {
            let box = layout.lines[place].box
            let row = layout.lines.indices.filter { layout.lines[$0].box.isBeside(box) }
            if !row.allSatisfy(places.contains) { places.remove(place) }
        }
        return places
    }

    private func isRunning(_ key: Key) -> Bool {
        // Neighbouring places are one: lines move by a point where fonts differ.
        let count = (-1...1).reduce(0) {
            $0 + (counts[Key(text: key.text, place: key.place + $1, isBottom: key.isBottom)] ?? 0)
        }
        if Self.isPageNumber(key.text) { return pages == 1 || count >= 2 }
        return count >= 3 || count == pages && pages == 2
    }

    private static func candidates(_ layout: PageLayout) -> [(Key, Int)] {
        let height = layout.page.height
        guard height > 0 else { return [] }
        let byTop = layout.lines.indices.sorted { layout.lines[$0].box.top < layout.lines[$1].box.top }
        let top = byTop.prefix(depth).filter { layout.lines[$0].box.bottom < height * zone }
        let bottom = byTop.suffix(depth).filter { layout.lines[$0].box.top > height * (1 - zone) }
        return top.map { (key(layout, $0, isBottom: false), $0) } + bottom.map { (key(layout, $0, isBottom: true), $0) }
    }

    private static func key(_ layout: PageLayout, _ place: Int, isBottom: Bool) -> Key {
        let line = layout.lines[place]
        let distance = isBottom ? layout.page.height - line.box.bottom : line.box.top
        let text = asciiNormalized(layout, line) ?? normalized(layout.string(line))
        return Key(text: isRoman(text) ? "#" : text, place: Int((distance / 3).rounded()), isBottom: isBottom)
    }

    /// Without white space, in small letters, every number as `#`. Nil where the line has other than ASCII characters.
    private static func asciiNormalized(_ layout: PageLayout, _ line: PageLine) -> String? {
        var result: [UInt8] = []
        for fragment in line.fragments {
            for byte in layout.text[fragment.start..<fragment.end] {
                switch byte {
                case 0x80...: return nil
                case ...0x20: break
                case 0x30...0x39: if result.last != 0x23 { result.append(0x23) }
                case 0x41...0x5A: result.append(byte | 0x20)
                default: result.append(byte)
                }
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func normalized(_ text: String) -> String {
        var result = ""
        var isNumber = false
        for character in text.lowercased() where !character.isWhitespace {
            if character.isNumber {
                if !isNumber { result.append("#") }
                isNumber = true
            } else {
                result.append(character)
                isNumber = false
            }
        }
        return result
    }

    private static let romans: Set<String> = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv",
    ]

    private static func isRoman(_ text: String) -> Bool { text.utf8.count <= 4 && romans.contains(text) }

    /// `7`, `- 7 -`, `Page 7`, `7 of 12`, `7/12`.
    private static func isPageNumber(_ text: String) -> Bool {
        guard text.contains("#"), text.utf8.count <= 16 else { return false }
        let rest = text.filter { !"#-–—.|[]()/".contains($0) }
        return [
            "", "page", "pageof", "of", "p", "pg", "seite", "seitevon", "von", "s", "página", "pagina", "página",
            "pagesur", "sur", "de", "páginade",
        ].contains(rest)
    }
}
