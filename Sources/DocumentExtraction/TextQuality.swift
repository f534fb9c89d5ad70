import ExtractionWire

/// How much a text looks like text that people wrote.
///
/// Each kind of rubbish takes its share of the whole away: pages without text, characters that could not be decoded, words that are none
/// (fonts without a map to Unicode, mojibake, columns mixed letter by letter), and lines that stand again and again.
enum TextQuality {
    private static let fewWords = 20

    static func score(_ document: ExtractedDocument) -> Double {
        let counts = document.text.withUnsafeBufferPointer { count($0) }
        guard counts.words > 0 else { return 0 }
        var score = 1.0
        if !document.pages.isEmpty {
            score -= Double(document.notes.pagesWithoutText) / Double(document.pages.count) * 0.5
        }
        score -= min(1, Double(counts.replacements) / Double(max(1, counts.letters)) * 10)
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
    }

    private static func count(_ text: UnsafeBufferPointer<UInt8>) -> Counts {
        var counts = Counts()
        var index = 0
        while index < text.count {
            while index < text.count, text[index] <= 0x20 { index += 1 }
            let start = index
            while index < text.count, text[index] > 0x20 { index += 1 }
            guard index > start else { break }
            counts.words += 1
            look(at: text[start..<index], &counts)
        }
        return counts
    }

    /// A word is rubbish when it is a lone letter, very long, or mostly signs, or has no vowel among many Latin letters.
    private static func look(at word: Slice<UnsafeBufferPointer<UInt8>>, _ counts: inout Counts) {
        var (letters, digits, others, vowels, wide, replacements, controls) = (0, 0, 0, 0, 0, 0, 0)
        var previous: (UInt8, UInt8) = (0, 0)
        for byte in word {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A:
                letters += 1
                if [0x61, 0x65, 0x69, 0x6F, 0x75, 0x79].contains(byte | 0x20) { vowels += 1 }
            case 0x30...0x39: digits += 1
            case 0x00...0x7F: others += 1
            default:
                if byte >= 0xC2 { wide += 1 }
                if byte == 0xBD, previous == (0xEF, 0xBF) { replacements += 1 }
                // Private use (U+E000 to U+F8FF): glyphs of a font without names.
                if byte == 0xEE { controls += 1 }
            }
            previous = (previous.1, byte)
        }
        counts.letters += letters + digits + wide
        counts.replacements += replacements
        let length = letters + digits + others + wide
        let isConsonants = letters >= 6 && vowels == 0 && wide == 0 && digits == 0
        let isSigns = length >= 4 && others * 3 > length * 2 && digits == 0 && !isRule(word)
        let isLone = length == 1 && letters == 1 && word.first! | 0x20 != 0x61 && word.first! | 0x20 != 0x69
        if controls > 0 || replacements > 0 || isConsonants || isSigns || isLone { counts.garbage += 1 }
    }

    /// A line drawn with one sign.
    private static func isRule(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        word.allSatisfy { $0 == word.first }
    }

    /// The share of the text's longer lines that stood before.
    private static func repeatedShare(_ document: ExtractedDocument) -> Double {
        var seen: Set<Int> = []
        var (all, again) = (0, 0)
        document.text.withUnsafeBytes { text in
            for line in text.split(separator: 0x0A) where line.count >= 20 {
                all += line.count
                // Seeded by nothing: the same text has the same score in every process.
                var hash: UInt64 = 0xCBF2_9CE4_8422_2325
                for byte in line { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                if !seen.insert(Int(truncatingIfNeeded: hash)).inserted { again += line.count }
            }
        }
        return all > 0 ? Double(again) / Double(all) : 0
    }
}
