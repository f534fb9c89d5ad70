/// Texts that cells share. Phonetic readings are left out.
final class SharedStrings: MarkupHandler {
    private(set) var values: [String] = []
    private var current: [UInt8] = []
    private var isText = false
    private var phonetic = 0
    private var bytes = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var isDone: Bool { bytes > limit }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "si": current = []
        case "t": isText = true
        case "rPh": phonetic += 1
        default: break
        }
    }

    func end(_ name: MarkupName) {
        switch name.string {
        case "si":
            bytes += current.count + 16
            values.append(EscapedText.plain(String(decoding: current, as: UTF8.self)))
        case "t": isText = false
        case "rPh": phonetic -= 1
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        if isText, phonetic == 0 { current.append(contentsOf: text) }
    }
}

/// Characters that XML cannot hold, as cells write them: `_x000D_` (ECMA-376 part 1, §22.9.2.19).
enum EscapedText {
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(0x5F), text.contains("_x") else { return text }
        var plain: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            if let scalar = escape(bytes, index) {
                if scalar.value >= 0x20 { plain.append(contentsOf: UTF8.encode(scalar)!) } else { plain.append(0x20) }
                index += 7
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func escape(_ bytes: [UInt8], _ index: Int) -> Unicode.Scalar? {
        guard index + 6 < bytes.count, bytes[index] == 0x5F, bytes[index + 1] == 0x78, bytes[index + 6] == 0x5F else {
            return nil
        }
        return UInt32(String(decoding: bytes[index + 2..<index + 6], as: UTF8.self), radix: 16).flatMap(
            Unicode.Scalar.init
        )
    }
}
