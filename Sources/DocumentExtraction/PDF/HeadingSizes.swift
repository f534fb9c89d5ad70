/// Which font sizes are headings: those larger than the size that most of the text has.
struct HeadingSizes {
    private var levels: [(size: Float, level: UInt8)] = []
    private let body: Float
    private static let step: Float = 1.12
    private static let longest = 200

    init(_ layouts: [PageLayout]) {
        var characters: [Int: Int] = [:]
        for layout in layouts {
            for line in layout.lines { characters[Self.rounded(line.size), default: 0] += layout.length(line) }
        }
        let body = characters.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
        self.body = Float(body) / 2
        let total = characters.values.reduce(0, +)
        // A size that much of the text has is no heading's.
        let larger = characters.filter { Float($0.key) >= Float(body) * Self.step && $0.value * 5 < total }.keys.sorted(
            by: >
        )
        for (index, size) in larger.enumerated() { levels.append((Float(size) / 2, UInt8(min(6, index + 1)))) }
    }

    /// The level of a heading, nil for running text.
    func level(_ line: PageLine, length: Int) -> UInt8? {
        guard line.cells == nil, length <= Self.longest, length > 1 else { return nil }
        return levels.first { abs($0.size - line.size) <= 0.25 }?.level
    }

    /// A line in bold type of the body's size may be the lowest heading.
    var boldLevel: UInt8 { UInt8(min(6, (levels.last?.level ?? 0) + 1)) }

    private static func rounded(_ size: Float) -> Int { Int((size * 2).rounded()) }
}
