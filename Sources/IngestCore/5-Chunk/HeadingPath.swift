import ExtractionWire
import TextCoding

/// The headings above each place of a document, and the head of the table that it is in, followed in reading order.
struct HeadingPath {
    private let text: [UInt8]
    private let blocks: [Block]
    private var open: [(level: UInt8, title: String)] = []
    /// The first block that ends behind the last place.
    private var next = 0
    /// The first block whose heading is not in `open` yet.
    private var unread = 0
    /// The first row of the table that block `next` is in.
    private var table: Int?
    private static let maximumTitle = 200
    private static let maximumHead = 1000

    init(_ document: ExtractedDocument) {
        text = document.text
        blocks = document.blocks
    }

    /// The path at the place where a chunk starts, with the headings that the chunk begins with. To be called with ascending places.
    mutating func path(from start: Int, to end: Int) -> [String] {
        while next < blocks.count, blocks[next].end <= start { step() }
        if next < blocks.count, blocks[next].kind == .tableRow { table = table ?? next } else { table = nil }
        var last = next
        while last + 1 < blocks.count, blocks[last].kind == .heading, blocks[last + 1].kind == .heading,
            blocks[last + 1].start < end
        { last += 1 }
        while unread < min(last + 1, blocks.count) {
            let block = blocks[unread]
            if block.kind == .heading {
                open.removeAll { $0.level >= block.level }
                let title = Self.title(text[block.start..<block.end])
                if !title.isEmpty { open.append((block.level, title)) }
            }
            unread += 1
        }
        return open.map(\.title)
    }

    private mutating func step() {
        if blocks[next].kind == .tableRow { table = table ?? next } else { table = nil }
        next += 1
    }

    /// The first row of the table that the last place is in the middle of; nil elsewhere.
    var tableHead: String? {
        guard let table, table < next, next < blocks.count else { return nil }
        let (head, row) = (blocks[table], blocks[next])
        guard head.end - head.start <= Self.maximumHead, cells(head) > 1, cells(head) == cells(row) else { return nil }
        return String(decoding: text[head.start..<head.end], as: UTF8.self)
    }

    private func cells(_ block: Block) -> Int { 1 + text[block.start..<block.end].count { $0 == 0x7C } }

    /// A heading as one line, without the sign that links to it.
    static func title(_ bytes: some Sequence<UInt8>) -> String {
        var words = String(decoding: Array(bytes), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        if let last = words.last, words.count > 1, ["#", "§", "🔗", "⚓", "⚓︎"].contains(last) { words.removeLast() }
        var title = words.joined(separator: " ")
        while title.hasSuffix("¶") { title.removeLast() }
        return String(title.trimmed.prefix(maximumTitle))
    }
}
