/// The numbers that Word puts before paragraphs (ECMA-376 part 1, §17.9).
final class WordNumbering: MarkupHandler {
    /// A list and the level in it.
    struct Place {
        var list: String
        var level: Int
    }

    private struct Level {
        var start = 1
        var format = "decimal"
        /// `%1.%2` is the number of the first level, a full stop, and that of the second.
        var text = ""
    }

    private var definitions: [String: [Int: Level]] = [:]
    private var lists: [String: String] = [:]
    private var starts: [String: [Int: Int]] = [:]
    private var counts: [String: [Int: Int]] = [:]
    private var begun: Set<String> = []
    // While reading.
    private var definition: String?
    private var list: String?
    private var level = 0
    private static let levels = 0..<9

    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        let value = attributes["val"]
        switch name.string {
        case "abstractNum": (definition, list) = (attributes["abstractNumId"] ?? "", nil)
        case "num": (definition, list) = (nil, attributes["numId"] ?? "")
        case "abstractNumId": if let list { lists[list] = value }
        case "lvl", "lvlOverride": level = attributes["ilvl"].flatMap { Int($0) } ?? 0
        case "start": set { $0.start = value.flatMap { Int($0) } ?? 1 }
        case "numFmt": set { $0.format = value ?? "decimal" }
        case "lvlText": set { $0.text = value ?? "" }
        case "startOverride":
            if let list, let start = value.flatMap({ Int($0) }) { starts[list, default: [:]][level] = start }
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}

    private func set(_ change: (inout Level) -> Void) {
        guard let definition, Self.levels.contains(level) else { return }
        change(&definitions[definition, default: [:]][level, default: Level()])
    }

    /// Counts from the begin.
    func restart() { (counts, begun) = ([:], []) }

    /// Counts a paragraph; what stands before it, empty for a bullet.
    func next(_ place: Place) -> String {
        guard let name = lists[place.list], let levels = definitions[name], let own = levels[place.level] else {
            return ""
        }
        // Lists of one definition count on, but where one begins anew.
        if begun.insert(place.list).inserted, let starts = starts[place.list] {
            for (level, start) in starts { counts[name, default: [:]][level] = start &- 1 }
        }
        var counts = counts[name] ?? [:]
        counts[place.level] = (counts[place.level] ?? own.start &- 1) &+ 1
        for deeper in counts.keys where deeper > place.level { counts[deeper] = nil }
        self.counts[name] = counts
        guard own.format != "bullet", own.format != "none" else { return "" }
        var label = own.text
        for level in 0...place.level where label.contains("%\(level + 1)") {
            let number = counts[level] ?? levels[level]?.start ?? 1
            let format = level == place.level ? own.format : levels[level]?.format ?? "decimal"
            label = label.replacing("%\(level + 1)", with: Self.text(number, format))
        }
        return label
    }

    private static func text(_ number: Int, _ format: String) -> String {
        switch format {
        case "lowerLetter": letters(number, from: 0x61)
        case "upperLetter": letters(number, from: 0x41)
        case "lowerRoman": roman(number).lowercased()
        case "upperRoman": roman(number)
        case "decimalZero": (0..<10).contains(number) ? "0\(number)" : "\(number)"
        default: "\(number)"
        }
    }

    /// a to z, then aa to zz.
    private static func letters(_ number: Int, from first: UInt8) -> String {
        guard (1...260).contains(number) else { return "\(number)" }
        let letter = Character(Unicode.Scalar(first + UInt8((number - 1) % 26)))
        return String(repeating: letter, count: (number - 1) / 26 + 1)
    }

    private static func roman(_ number: Int) -> String {
        guard (1..<4000).contains(number) else { return "\(number)" }
        var (rest, text) = (number, "")
        let signs = [
            (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
            (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
        ]
        for (value, sign) in signs {
            while rest >= value { (rest, text) = (rest - value, text + sign) }
        }
        return text
    }
}
