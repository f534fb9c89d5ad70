/// Text of a page that is read from left to right, in which lines that run from right to left come with their words in the order in which they stand, the leftmost
/// first. Puts the characters into the order of reading (UAX #9, the inverse of rule L2).
struct VisualLines {
    private(set) var text: [UInt8] = []
    /// By scalar of `text`: the entry of poppler's boxes that belongs to it.
    private(set) var entries: [Int] = []

    private struct Character {
        var scalar: Unicode.Scalar
        var entry = 0
        var level = 0
    }

    private enum Direction { case left, right, number, neutral }

    /// - Parameter source: valid UTF-8 with poppler's marks around each word that runs from right to left, which is in the order of reading by itself.
    init(_ source: UnsafeBufferPointer<UInt8>) {
        var line: [Character] = []
        var first = 0
        // Where the word began that is open, and the levels of what it is in.
        var (word, nesting) = (0, [0])
        for scalar in String(decoding: source, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x202A, 0x202B, 0x202D, 0x202E:
                if nesting.count == 1 { word = line.count }
                nesting.append(DirectionMarks.level(inside: nesting.last!, UInt8(scalar.value & 0xFF | 0x80)))
            case 0x202C:
                // A document may hold such marks itself, and close what it never opened.
                guard nesting.count > 1 else { continue }
                nesting.removeLast()
                // As it stands: the rest of the line does.
                if nesting.count == 1 { Self.turn(&line, from: word) }
            case 0x0A:
                add(line, from: first)
                first += line.count
                text.append(0x0A)
                entries.append(first)
                first += 1
                (line, nesting) = ([], [0])
            default:
                line.append(Character(scalar: scalar, level: nesting.last!))
            }
        }
        add(line, from: first)
    }

    /// Puts the characters of a word into the order in which they stand.
    private static func turn(_ line: inout [Character], from word: Int) {
        let characters = line[word...]
        let places = DirectionMarks.visualPlaces(characters.map(\.level))
        for (character, place) in zip(Array(characters), places) { line[word + place] = character }
    }

    private mutating func add(_ line: [Character], from first: Int) {
        var line = line
        for place in line.indices { line[place].entry = first + place }
        for character in Self.logical(line) {
            text.append(contentsOf: UTF8.encode(character.scalar)!)
            entries.append(character.entry)
        }
    }

    private static func logical(_ line: [Character]) -> [Character] {
        let directions = line.map { direction($0.scalar) }
        let rights = directions.count { $0 == .right }
        guard rights > 0 else { return line }
        let levels = Self.levels(directions, base: rights > directions.count { $0 == .left } ? 1 : 0)
        return DirectionMarks.reordered(levels).map { line[$0] }
    }

    /// Numbers among words from right to left run from left to right; what is neither takes the direction that both neighbours have, else the line's.
    private static func levels(_ directions: [Direction], base: Int) -> [Int] {
        let lettersBefore = last(directions) { $0 == .left || $0 == .right }
        let lettersAfter: [Direction?] = last(directions.reversed()) { $0 == .left || $0 == .right }.reversed()
        var levels = directions.indices.map { place in
            switch directions[place] {
            case .left: base == 0 ? 0 : 2
            case .right: 1
            case .number: base == 1 || lettersBefore[place] == .right && lettersAfter[place] == .right ? 2 : 0
            case .neutral: -1
            }
        }
        let (before, after) = (last(levels) { $0 >= 0 }, Array(last(levels.reversed()) { $0 >= 0 }.reversed()))
        for place in levels.indices where levels[place] < 0 {
            let (left, right) = (before[place] ?? base, after[place] ?? base)
            levels[place] = left == right ? left : left > 0 && right > 0 ? 1 : base
        }
        return levels
    }

    /// For each place the last element up to there that `isWanted`.
    private static func last<Element>(_ elements: [Element], _ isWanted: (Element) -> Bool) -> [Element?] {
        var last: Element?
        return elements.map { element in
            if isWanted(element) { last = element }
            return last
        }
    }

    private static func direction(_ scalar: Unicode.Scalar) -> Direction {
        switch scalar.value {
        case 0x30...0x39, 0x660...0x669, 0x6F0...0x6F9: .number
        case let value where RightToLeft.contains(value): .right
        default: scalar.properties.isAlphabetic ? .left : .neutral
        }
    }
}
