/// Where one character, line or column is on its page, in points from the page's top left corner.
package struct CharacterBox: Equatable {
    var left: Float
    var top: Float
    var right: Float
    var bottom: Float

    package init(left: Float, top: Float, right: Float, bottom: Float) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    var height: Float { bottom - top }
    package var width: Float { right - left }

    static let none = CharacterBox(left: 0, top: 0, right: 0, bottom: 0)

    /// The empty space between two boxes along the axis on which they are farther apart; negative where they overlap.
    func gap(to other: CharacterBox) -> Float {
        max(max(other.left - right, left - other.right), max(other.top - bottom, top - other.bottom))
    }

    mutating func include(_ other: CharacterBox) {
        left = min(left, other.left)
        top = min(top, other.top)
        right = max(right, other.right)
        bottom = max(bottom, other.bottom)
    }

    /// They are on one line: more than half of the lower one's height overlaps the other.
    func isBeside(_ other: CharacterBox) -> Bool {
        min(bottom, other.bottom) - max(top, other.top) > 0.5 * min(height, other.height)
    }
}

/// How the characters from `start` to `end` look; offsets count characters of the page's text.
package struct TextStyle: Equatable {
    var start: Int
    var end: Int
    var size: Float
    var isBold: Bool
    /// Every letter is as wide as the others.
    var isFixed = false
    /// White, as text on white paper that is meant for machines is.
    var isWhite: Bool

    package init(start: Int, end: Int, size: Float, isBold: Bool = false, isWhite: Bool = false) {
        (self.start, self.end, self.size, self.isBold, self.isWhite) = (start, end, size, isBold, isWhite)
    }

    /// The styles by character, where the character at each place looks like the entry that `entries` names.
    static func placed(_ styles: [TextStyle], by entries: [Int]) -> [TextStyle] {
        var placed: [TextStyle] = []
        for (place, entry) in entries.enumerated() {
            // Sorted by where they begin.
            var (low, high) = (0, styles.count)
            while low < high {
                let middle = (low + high) / 2
                if styles[middle].end < entry { low = middle + 1 } else { high = middle }
            }
            guard low < styles.count, styles[low].start <= entry else { continue }
            var style = styles[low]
            (style.start, style.end) = (place, place)
            placed.append(style)
        }
        return placed
    }
}
