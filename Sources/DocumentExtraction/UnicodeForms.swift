import CPoppler

/// Unicode's normalization forms (UAX #15), by GLib, which comes with poppler.
enum UnicodeForms {
    /// Whether a mark begins at `index` that may make one character with the letter before it: accents (U+0300 to U+036F), signs of Arabic (U+0653 to U+0655), Hangul's
    /// vowels and finals (U+1160 to U+11FF), sound marks of kana (U+3099, U+309A).
    static func isMark(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        switch bytes[index] {
        case 0xCC: index + 1 < bytes.count
        case 0xCD: index + 1 < bytes.count && bytes[index + 1] < 0xB0
        case 0xD9: index + 1 < bytes.count && (0x93...0x95).contains(bytes[index + 1])
        case 0xE1:
            index + 2 < bytes.count
                && (bytes[index + 1] == 0x85 && bytes[index + 2] >= 0xA0 || (0x86...0x87).contains(bytes[index + 1]))
        case 0xE3: index + 2 < bytes.count && bytes[index + 1] == 0x82 && (0x99...0x9A).contains(bytes[index + 2])
        default: false
        }
    }

    /// Whether a character begins at `index` that is another form of plain ones: radicals (U+2F00 to U+2FD5), ideographs kept for older sets (U+F900 to U+FAFF), forms of
    /// Hebrew (U+FB1D to U+FB4F) and Arabic letters (U+FB50 to U+FBFF, U+FE70 to U+FEFC), letters and digits of full width, kana of half width, and letters of formulas
    /// (U+1D400 to U+1D7FF). Signs that mean something else than their plain form stay: raised digits, fractions.
    static func isCompatible(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        guard bytes[index] >= 0xE2, index + 2 < bytes.count else { return false }
        let (second, third) = (bytes[index + 1], bytes[index + 2])
        switch bytes[index] {
        case 0xE2: return second == 0xBC || second == 0xBD || second == 0xBE || second == 0xBF && third <= 0x95
        case 0xEF:
            switch second {
            case 0xA4...0xAB, 0xAD...0xAF: return true
            case 0xAC: return third >= 0x9D
            case 0xB9: return third >= 0xB0
            case 0xBA: return true
            case 0xBB: return third <= 0xBC
            case 0xBC: return (0x90...0x99).contains(third) || (0xA1...0xBA).contains(third)
            case 0xBD: return (0x81...0x9A).contains(third) || third >= 0xA6
            case 0xBE: return third <= 0x9F
            default: return false
            }
        case 0xF0: return second == 0x9D && (0x90...0x9F).contains(third) && index + 3 < bytes.count
        default: return false
        }
    }

    /// Form KC.
    static func plain(_ bytes: some Collection<UInt8>) -> [UInt8] { normalized(Array(bytes)[...], G_NORMALIZE_NFKC) }

    /// Form C. A stretch with more marks on a letter than any language has stays as it is (UAX #15, stream-safe text): sorting them takes the square of their number.
    ///
    /// GLib moves the rest of its text for each letter that it composes, so it is given short stretches: each begins with a character that nothing before it can change.
    static func composed(_ bytes: [UInt8]) -> [UInt8] {
        guard let text = String(validating: bytes, as: UTF8.self) else { return bytes }
        var composed: [UInt8] = []
        composed.reserveCapacity(bytes.count)
        var (start, end, marks) = (0, 0, 0)
        var isSafe = true
        func finish() {
            let stretch = bytes[start..<end]
            if isSafe { composed += normalized(stretch, G_NORMALIZE_NFC) } else { composed += stretch }
            (start, isSafe) = (end, true)
        }
        for scalar in text.unicodeScalars {
            if joins(scalar) {
                marks += 1
                if marks > mostMarks { isSafe = false }
            } else {
                marks = 0
                if end - start >= stretchBytes { finish() }
            }
            end += UTF8.width(scalar)
        }
        finish()
        return composed
    }

    private static let mostMarks = 30
    private static let stretchBytes = 256

    /// Whether `scalar` may change with what stands before it: marks of any kind, vowels and finals of Hangul.
    private static func joins(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x300: false
        case 0x1160...0x11FF: true
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .spacingMark, .enclosingMark: true
            default: false
            }
        }
    }

    private static func normalized(_ bytes: ArraySlice<UInt8>, _ form: GNormalizeMode) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in
            let text = bytes.bindMemory(to: CChar.self).baseAddress
            guard let text, let result = g_utf8_normalize(text, bytes.count, form) else { return Array(bytes) }
            defer { g_free(result) }
            return Array(UnsafeRawBufferPointer(start: result, count: strlen(result)))
        }
    }
}
