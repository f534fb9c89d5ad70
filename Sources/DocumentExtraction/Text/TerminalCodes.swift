/// Codes that colour text and move the cursor of a terminal (ECMA-48, 5.4), as logs hold them.
enum TerminalCodes {
    static func removed(from bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0x1B) else { return bytes }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 0x1B, index + 1 < bytes.count else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case 0x5B:
                index += 2
                while index < bytes.count, (0x20...0x3F).contains(bytes[index]) { index += 1 }
                if index < bytes.count, (0x40...0x7E).contains(bytes[index]) { index += 1 }
            case 0x5D: index = endOfCommand(bytes, index + 2)
            default: index += 1
            }
        }
        return plain
    }

    /// Titles of windows and links end with BEL or ESC \, within a line.
    private static func endOfCommand(_ bytes: [UInt8], _ start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != 0x0A {
            if bytes[index] == 0x07 { return index + 1 }
            if bytes[index] == 0x1B { return index + 1 < bytes.count && bytes[index + 1] == 0x5C ? index + 2 : index }
            index += 1
        }
        return index
    }
}
