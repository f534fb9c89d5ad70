/// Tells slanted words that stamp pages from labels of figures: they are large or stand on a page many times, and stand on others too.
struct Watermarks {
    /// How often a page has each, where it may be a stamp.
    private let counts: [[[UInt8]: Int]]
    /// On how many pages each is.
    private var pages: [[UInt8]: Int] = [:]
    private var seen: Set<[UInt8]> = []

    private static let largeSize: Float = 24
    /// Of the page's diagonal.
    private static let long: Float = 0.25
    /// As often on one page, a stamp is tiled over it.
    private static let tiled = 4

    init(_ layouts: [PageLayout]) {
        counts = layouts.map(Self.candidates)
        for counts in counts { for text in counts.keys { pages[text, default: 0] += 1 } }
    }

    /// The labels of the page at `index` but for stamps that were there before.
    mutating func withoutRepeated(_ labels: [SlantedLabel], at index: Int) -> [SlantedLabel] {
        labels.filter { label in
            guard let count = counts[index][label.text], count >= Self.tiled || pages[label.text, default: 0] > 1 else {
                return true
            }
            return seen.insert(label.text).inserted
        }
    }

    private static func candidates(_ layout: PageLayout) -> [[UInt8]: Int] {
        var (counts, large) = ([[UInt8]: Int](), Set<[UInt8]>())
        for label in layout.labels {
            counts[label.text, default: 0] += 1
            if isLarge(label, layout.page) { large.insert(label.text) }
        }
        return counts.filter { large.contains($0.key) || $0.value >= tiled && $0.key.count > 3 }
    }

    private static func isLarge(_ label: SlantedLabel, _ page: CharacterBox) -> Bool {
        func diagonal(_ box: CharacterBox) -> Float {
            (box.width * box.width + box.height * box.height).squareRoot()
        }
        return label.size >= largeSize || diagonal(label.box) > long * diagonal(page)
    }
}
