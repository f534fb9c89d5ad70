/// Scripts that are written from right to left: Hebrew to Arabic with their neighbours, their presentation forms, and those of the supplementary plane.
enum RightToLeft {
    static func contains(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: true
        default: false
        }
    }

    /// Whether a character of those below U+10000 begins at `index` of UTF-8 text.
    static func begins(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        switch text[index] {
        case 0xD6...0xDF: true
        case 0xE0: index + 1 < text.count && text[index + 1] < 0xA4
        case 0xEF:
            index + 2 < text.count
                && (text[index + 1] == 0xAC && text[index + 2] >= 0x9D || (0xAD...0xB7).contains(text[index + 1])
                    || text[index + 1] == 0xB9 && text[index + 2] >= 0xB0 || (0xBA...0xBB).contains(text[index + 1]))
        default: false
        }
    }
}
