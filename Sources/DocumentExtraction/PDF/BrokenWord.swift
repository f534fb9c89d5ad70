/// A word that is broken at the end of a line: a letter and a hyphen there, a small letter where the next line begins.
enum BrokenWord {
    static func isBroken(_ end: ArraySlice<UInt8>, _ next: ArraySlice<UInt8>) -> Bool {
        let width = hyphenWidth(end)
        guard width > 0, width < end.count, let start = next.first else { return false }
        let before = end[end.endIndex - width - 1]
        guard before >= 0x80 || (before | 0x20 >= 0x61 && before | 0x20 <= 0x7A) else { return false }
        if start < 0x80 { return start >= 0x61 && start <= 0x7A }
        return String(decoding: next.prefix(4), as: UTF8.self).unicodeScalars.first?.properties.isLowercase ?? false
    }

    /// The bytes of the hyphen at the end (U+002D, U+00AD, U+2010), 0 where there is none.
    static func hyphenWidth(_ bytes: ArraySlice<UInt8>) -> Int {
        if bytes.last == 0x2D { return 1 }
        if bytes.suffix(2).elementsEqual([0xC2, 0xAD]) { return 2 }
        return bytes.suffix(3).elementsEqual([0xE2, 0x80, 0x90]) ? 3 : 0
    }
}

extension Hyphenation {
    /// Words that are broken between two pages are whole on the first of them.
    func join(_ layouts: inout [PageLayout]) {
        for index in layouts.indices.dropLast() {
            guard let last = layouts[index].lastFragment, let first = layouts[index + 1].firstFragment,
                BrokenWord.isBroken(last, first)
            else { continue }
            let width = BrokenWord.hyphenWidth(last)
            let word = first.prefix { $0 != 0x20 }
            let end = keeps(last.dropLast(width), first) ? last : last.dropLast(width)
            layouts[index].replaceLast(with: Array(end) + word)
            layouts[index + 1].removeFirst(word.count)
        }
    }
}

extension PageLayout {
    /// The end of the page's running text.
    fileprivate var lastFragment: ArraySlice<UInt8>? {
        guard let line = lines.last, line.cells == nil, let last = line.fragments.last else { return nil }
        return text[last.start..<last.end]
    }

    fileprivate var firstFragment: ArraySlice<UInt8>? {
        guard let line = lines.first, line.cells == nil else { return nil }
        return text[line.fragments[0].start..<line.fragments[0].end]
    }
}
