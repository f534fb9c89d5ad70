import ExtractionWire

/// The language of a text: by its script where that has one language, else by the words that hold its sentences together.
package enum DocumentLanguage {
    /// Four stretches of so many bytes: title pages and appendices say little of what is between them.
    private static let stretch = 4096
    private static let leastWords = 4
    private static let leastShare = 0.08
    /// How much more than the next language's words, each of which counts the more the fewer languages have it.
    private static let leastLead = 1.05

    /// A declared tag in its usual form, where it is one; else what the text shows. Empty where that is not clear.
    package static func tag(declared: String, _ text: [UInt8]) -> String {
        normalized(declared) ?? detect(text)
    }

    /// `EN_us` is `en-US`. Nil for what is no language tag, or says that the language is unknown.
    private static func normalized(_ tag: String) -> String? {
        let name = tag.prefix { $0 != "." }
        let parts = name.split(whereSeparator: { $0 == "-" || $0 == "_" }).map(String.init)
        guard let first = parts.first?.lowercased(), (2...3).contains(first.utf8.count), isLetters(first),
            !["und", "mul", "zxx", "mis"].contains(first), parts.allSatisfy({ $0.utf8.count <= 8 })
        else { return nil }
        let rest = parts.dropFirst().prefix(2).filter { isLetters($0) || $0.utf8.count == 3 }.map { part in
            switch part.utf8.count {
            case 2: part.uppercased()
            case 4: part.prefix(1).uppercased() + part.dropFirst().lowercased()
            default: part
            }
        }
        return ([first] + rest).joined(separator: "-")
    }

    private static func isLetters(_ text: String) -> Bool { text.utf8.allSatisfy { (0x61...0x7A).contains($0 | 0x20) } }

    package static func detect(_ text: [UInt8]) -> String {
        var scripts: [Script: Int] = [:]
        var found = [Int](repeating: 0, count: LanguageWords.lists.count)
        var weights = [Double](repeating: 0, count: LanguageWords.lists.count)
        var words = 0
        for part in samples(text) {
            count(part, &scripts)
            WordHashes.forEach(in: part) { hash in
                words += 1
                let languages = byHash[hash] ?? []
                for language in languages {
                    found[language] += 1
                    weights[language] += 1 / Double(languages.count)
                }
            }
        }
        guard let script = scripts.max(by: { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) })?.key else {
            return ""
        }
        // A text in Japanese has more kanji than kana where it is dense; in Chinese it has no kana.
        if script == .han || script == .kana {
            return (scripts[.kana] ?? 0) * 20 > (scripts[.han] ?? 0) ? "ja" : "zh"
        }
        if let only = script.language { return only }
        let ranked = found.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }
        let (best, next) = (ranked[0], ranked[1])
        guard found[best] >= leastWords, Double(found[best]) >= leastShare * Double(words),
            weights[best] >= leastLead * weights[next]
        else { return "" }
        return LanguageWords.lists[best].tag
    }

    private static let byHash: [UInt64: [Int]] = {
        var byHash: [UInt64: [Int]] = [:]
        for (language, list) in LanguageWords.lists.enumerated() {
            for word in Set(list.words.split(separator: " ")) {
                byHash[WordSet.hash(word.utf8), default: []].append(language)
            }
        }
        return byHash
    }()

    private static func samples(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        guard text.count > 4 * stretch else { return [text[...]] }
        return (0..<4).map { part in
            let start = (text.count - stretch) * part / 3
            return text[start..<start + stretch]
        }
    }

    private static func count(_ bytes: ArraySlice<UInt8>, _ scripts: inout [Script: Int]) {
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if let script = Script(scalar) { scripts[script, default: 0] += 1 }
        }
    }
}

/// Writing systems, as far as they say something of a language.
private enum Script: String {
    case latin, cyrillic, arabic, devanagari
    case han, kana
    case greek, hebrew, armenian, georgian, thai, lao, khmer, burmese, ethiopic, hangul
    case bengali, gurmukhi, gujarati, tamil, telugu, kannada, malayalam, sinhala

    /// Of scripts that one language alone is written in, or nearly.
    var language: String? {
        switch self {
        case .latin, .cyrillic, .arabic, .devanagari, .han, .kana: nil
        case .greek: "el"
        case .hebrew: "he"
        case .armenian: "hy"
        case .georgian: "ka"
        case .thai: "th"
        case .lao: "lo"
        case .khmer: "km"
        case .burmese: "my"
        case .ethiopic: "am"
        case .hangul: "ko"
        case .bengali: "bn"
        case .gurmukhi: "pa"
        case .gujarati: "gu"
        case .tamil: "ta"
        case .telugu: "te"
        case .kannada: "kn"
        case .malayalam: "ml"
        case .sinhala: "si"
        }
    }

    init?(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A, 0xC0...0x24F, 0x1E00...0x1EFF: self = .latin
        case 0x370...0x3FF, 0x1F00...0x1FFF: self = .greek
        case 0x400...0x52F: self = .cyrillic
        case 0x531...0x58F: self = .armenian
        case 0x590...0x5FF: self = .hebrew
        case 0x600...0x6FF, 0x750...0x77F, 0xFB50...0xFDFF, 0xFE70...0xFEFC: self = .arabic
        case 0x900...0x97F: self = .devanagari
        case 0x980...0x9FF: self = .bengali
        case 0xA00...0xA7F: self = .gurmukhi
        case 0xA80...0xAFF: self = .gujarati
        case 0xB80...0xBFF: self = .tamil
        case 0xC00...0xC7F: self = .telugu
        case 0xC80...0xCFF: self = .kannada
        case 0xD00...0xD7F: self = .malayalam
        case 0xD80...0xDFF: self = .sinhala
        case 0xE00...0xE7F: self = .thai
        case 0xE80...0xEFF: self = .lao
        case 0x1000...0x109F: self = .burmese
        case 0x10A0...0x10FF: self = .georgian
        case 0x1200...0x139F: self = .ethiopic
        case 0x1780...0x17FF: self = .khmer
        case 0x3040...0x30FF: self = .kana
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0x20000...0x2FA1F: self = .han
        case 0x1100...0x11FF, 0xAC00...0xD7A3: self = .hangul
        default: return nil
        }
    }
}

/// The words of a text as hashes: letters of ASCII in small, everything from 0x80 as it is.
private enum WordHashes {
    static func forEach(in bytes: ArraySlice<UInt8>, _ body: (UInt64) -> Void) {
        var hash = WordSet.Hash()
        var length = 0
        for byte in bytes {
            // U+2019 and its like begin with 0xE2: they end a word.
            if (0x61...0x7A).contains(byte | 0x20) || byte >= 0xC3 && byte != 0xE2
                || length > 0 && byte >= 0x80 && byte < 0xC0
            {
                hash.add(byte)
                length += 1
            } else {
                if length > 0 { body(hash.value) }
                (hash, length) = (WordSet.Hash(), 0)
            }
        }
        if length > 0 { body(hash.value) }
    }
}
