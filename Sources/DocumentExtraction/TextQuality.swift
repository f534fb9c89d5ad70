import ExtractionWire

/// How much a text looks like text that people wrote.
///
/// Each kind of garbage lowers the score by its share: pages without text, characters that could not be decoded, words that are none
/// (fonts without a map to Unicode, mojibake, columns mixed letter by letter), letters that no language uses so often, and repeated lines.
enum TextQuality {
    private static let fewWords = 20
    private static let shortestLine = 20

    static func score(_ document: ExtractedDocument) -> Double {
        let counts = document.text.withUnsafeBufferPointer { count($0) }
        guard counts.words > 0 else { return 0 }
        var score = 1.0
        if !document.pages.isEmpty {
            score -= Double(document.notes.pagesWithoutText) / Double(document.pages.count) * 0.5
        }
        score -= min(1, Double(counts.replacements) / Double(max(1, counts.letters)) * 10)
        score -= document.notes.share(.damaged, of: counts.letters) + document.notes.share(.layout, of: counts.letters)
        if counts.isEnciphered { score -= 0.6 }
        // Some odd words are everywhere: formulas, identifiers, tables.
        score -= max(0, Double(counts.garbage) / Double(counts.words) - 0.15)
        score -= repeatedShare(document) * 0.3
        // A few words prove nothing.
        return min(1, max(counts.words < fewWords ? 0.5 : 0, score))
    }

    private struct Counts {
        var words = 0
        var garbage = 0
        var letters = 0
        var replacements = 0
        /// Of words of three Latin letters and more.
        var latin = 0
        var vowels = 0
        var frequent = 0

        /// Codes of a font in the place of letters. Of every language in Latin letters three in ten are vowels, or half are among the eight that are frequent in most.
        var isEnciphered: Bool {
            latin >= fewLetters && Double(vowels) < 0.3 * Double(latin) && Double(frequent) < 0.42 * Double(latin)
        }
    }

    private static let fewLetters = 200

    private static func count(_ text: UnsafeBufferPointer<UInt8>) -> Counts {
        var counts = Counts()
        ByteTally.table.withUnsafeBufferPointer { table in
            var index = 0
            while index < text.count {
                while index < text.count, text[index] <= 0x20 { index += 1 }
                let start = index
                var tally: UInt64 = 0
                while index < text.count, text[index] > 0x20 {
                    tally &+= table[Int(text[index])]
                    index += 1
                    // Before a count of eight bits runs over.
                    if index - start == 255 { break }
                }
                guard index > start else { break }
                counts.words += 1
                look(at: text[start..<index], ByteTally(bits: tally), &counts)
            }
        }
        return counts
    }

    /// A word is garbage when it is a lone letter, mostly signs, or has no vowel among many Latin letters, or characters that replace others.
    private static func look(at word: Slice<UnsafeBufferPointer<UInt8>>, _ tally: ByteTally, _ counts: inout Counts) {
        let (letters, digits, others, wide) = (tally[.letter], tally[.digit], tally[.sign], tally[.wide])
        let replacements = tally[.replacement] > 0 ? replacements(word) : 0
        counts.letters += letters + digits + wide
        counts.replacements += replacements
        if letters >= 3, digits + wide == 0 {
            counts.latin += letters
            counts.vowels += tally[.vowel]
            counts.frequent += tally[.frequent]
        }
        let length = letters + digits + others + wide
        let isConsonants = letters >= 6 && tally[.vowel] == 0 && wide == 0 && digits == 0
        let isSigns = length >= 4 && others * 3 > length * 2 && digits == 0 && !isRule(word)
        let isLone = length == 1 && letters == 1 && word.first! | 0x20 != 0x61 && word.first! | 0x20 != 0x69
        if tally[.privateUse] > 0 || replacements > 0 || isConsonants || isSigns || isLone { counts.garbage += 1 }
    }

    /// U+FFFD in a word.
    private static func replacements(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        zip(word, zip(word.dropFirst(), word.dropFirst(2))).count { $0 == 0xEF && $1 == (0xBF, 0xBD) }
    }

    /// A line drawn with one sign.
    private static func isRule(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        word.allSatisfy { $0 == word.first }
    }

    /// The share of the text's longer lines that occurred before.
    private static func repeatedShare(_ document: ExtractedDocument) -> Double {
        var seen: Set<UInt64> = []
        var (all, again) = (0, 0)
        document.text.withUnsafeBufferPointer { text in
            var start = 0
            while start < text.count {
                // Seeded by nothing: the same text has the same score in every process.
                var hash: UInt64 = 0xCBF2_9CE4_8422_2325
                var end = start
                while end < text.count, text[end] != 0x0A {
                    hash = (hash ^ UInt64(text[end])) &* 0x100_0000_01B3
                    end += 1
                }
                if end - start >= shortestLine {
                    all += end - start
                    if !seen.insert(hash).inserted { again += end - start }
                }
                start = end + 1
            }
        }
        return all > 0 ? Double(again) / Double(all) : 0
    }
}

/// How many bytes of a word are of which kind: eight counts of eight bits, added up at once.
private struct ByteTally {
    enum Kind: Int {
        case letter
        case vowel
        case digit
        /// Other ASCII characters.
        case sign
        /// First bytes of longer characters.
        case wide
        /// U+E000 to U+EFFF, mostly for private use: glyphs of a font without names.
        case privateUse
        /// The last byte of U+FFFD.
        case replacement
        /// e, t, a, o, i, n, s and r.
        case frequent
    }

    let bits: UInt64

    subscript(kind: Kind) -> Int { Int(bits >> (UInt64(kind.rawValue) * 8) & 0xFF) }

    static let table: [UInt64] = (0...255).map { (byte: UInt8) in
        kinds(byte).reduce(0) { $0 | 1 << (UInt64($1.rawValue) * 8) }
    }

    private static func kinds(_ byte: UInt8) -> [Kind] {
        switch byte {
        case 0x41...0x5A, 0x61...0x7A:
            [.letter] + ([0x61, 0x65, 0x69, 0x6F, 0x75, 0x79].contains(byte | 0x20) ? [.vowel] : [])
                + ([0x61, 0x65, 0x69, 0x6E, 0x6F, 0x72, 0x73, 0x74].contains(byte | 0x20) ? [.frequent] : [])
        case 0x30...0x39: [.digit]
        case 0x00...0x7F: [.sign]
        case 0xBD: [.replacement]
        case 0xEE: [.wide, .privateUse]
        case 0xC2...0xFF: [.wide]
        default: []
        }
    }
}
