/// Where sentences and lines of a text end: full stops, question and exclamation marks of Latin, Greek, Cyrillic and Arabic scripts before white space, those of
/// scripts without spaces anywhere; quotation marks and brackets that close the sentence belong to it.
package struct SentenceEnds {
    private let text: UnsafeBufferPointer<UInt8>

    package init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

    /// The sentences of a stretch, without the white space between them.
    ///
    /// - Parameter linesOnly: code and tables: a stop inside a line is no end.
    package func sentences(_ start: Int, _ end: Int, linesOnly: Bool = false) -> [(start: Int, end: Int)] {
        var found: [(start: Int, end: Int)] = []
        var (from, position) = (start, start)
        func close(at stop: Int) {
            var stop = stop
            while stop > from, Self.isBlank(text[stop - 1]) { stop -= 1 }
            if stop > from { found.append((from, stop)) }
        }
        while position < end {
            guard let stop = stop(position, end, from, linesOnly) else {
                position += 1
                continue
            }
            close(at: stop)
            from = stop
            while from < end, Self.isBlank(text[from]) { from += 1 }
            // Indentation belongs to its line of code.
            if linesOnly { while from > stop, text[from - 1] == 0x20 || text[from - 1] == 0x09 { from -= 1 } }
            position = max(from, stop)
        }
        close(at: end)
        return found
    }

    /// The end of the sentence that the character at `position` ends; nil where it ends none.
    private func stop(_ position: Int, _ end: Int, _ from: Int, _ linesOnly: Bool) -> Int? {
        let byte = text[position]
        if byte == 0x0A { return position + 1 }
        if linesOnly || byte > 0x3F && byte < 0xC0 { return nil }
        let isDot = byte == 0x2E
        if isDot || byte == 0x21 || byte == 0x3F {
            var next = position + 1
            while next < end, [0x2E, 0x21, 0x3F].contains(text[next]) { next += 1 }
            let isOne = next == position + 1
            next = afterClosers(next, end)
            guard next < end, Self.isBlank(text[next]) else { return nil }
            return isDot && isOne && isAbbreviation(position, next, end, from) ? nil : next
        }
        guard byte >= 0xC0, let width = width(Self.stops, position, end) else { return nil }
        return afterClosers(position + width, end)
    }

    /// A stop that goes on in small letters, follows an initial, or one of the commonest abbreviations.
    private func isAbbreviation(_ position: Int, _ next: Int, _ end: Int, _ from: Int) -> Bool {
        var after = next
        while after < end, text[after] == 0x20 { after += 1 }
        if after < end, (0x61...0x7A).contains(text[after]) { return true }
        var start = position
        while start > from, isLetter(text[start - 1]), position - start <= 4 { start -= 1 }
        let word = text[start..<position]
        guard start == from || !isLetter(text[start - 1]) else { return false }
        if word.count == 1, (0x41...0x5A).contains(word[word.startIndex]) { return true }
        return Self.abbreviations.contains { $0.elementsEqual(word) }
    }

    private static let abbreviations = [
        "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "No", "Nr", "Fig", "Eq", "Art", "Abb", "vs",
    ]
    .map { Array($0.utf8) }

    private func afterClosers(_ position: Int, _ end: Int) -> Int {
        var position = position
        while position < end {
            if [0x22, 0x27, 0x29, 0x5D].contains(text[position]) {
                position += 1
            } else if text[position] >= 0xC0, let width = width(Self.closers, position, end) {
                position += width
            } else {
                break
            }
        }
        return position
    }

    /// The width of the character at `position` where it is one of `characters`.
    private func width(_ characters: [[UInt8]], _ position: Int, _ end: Int) -> Int? {
        characters.first { character in
            position + character.count <= end && text[position..<position + character.count].elementsEqual(character)
        }?.count
    }

    /// Ideographic and full-width, Arabic, Urdu, Devanagari, Armenian, Ethiopic, Khmer, Burmese and Tibetan ones.
    private static let stops = "。！？．｡؟۔।॥։።፧។၊။།".unicodeScalars.map { Array(String($0).utf8) }
    private static let closers = "”’»」』）】》〕".unicodeScalars.map { Array(String($0).utf8) }

    private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) || byte >= 0x80 }

    static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 }
}
