/// Which paragraph styles are headings, and of which level: by their name, by their outline level, or by the style they are based on; and which ones count.
final class WordStyles: MarkupHandler {
    private var levels: [String: UInt8] = [:]
    private var numbers: [String: WordNumbering.Place] = [:]
    private var style = ""
    private var parents: [String: String] = [:]

    var isDone: Bool { false }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "style": style = attributes["styleId"] ?? ""
        case "name":
            let name = (attributes["val"] ?? "").lowercased()
            if name == "title" { levels[style] = 1 }
            if name.hasPrefix("heading "), let level = UInt8(name.dropFirst(8)) {
                levels[style] = min(6, max(1, level))
            }
        case "basedOn": parents[style] = attributes["val"]
        case "outlineLvl":
            if levels[style] == nil, let level = attributes["val"].flatMap({ UInt8($0) }), level < 9 {
                levels[style] = min(6, level + 1)
            }
        case "numPr": numbers[style] = WordNumbering.Place(list: "", level: 0)
        case "ilvl": numbers[style]?.level = attributes["val"].flatMap { Int($0) } ?? 0
        case "numId": numbers[style]?.list = attributes["val"] ?? ""
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}

    func level(_ style: String) -> UInt8? { inherited(style) { levels[$0] } }

    func number(_ style: String) -> WordNumbering.Place? { inherited(style) { numbers[$0] } }

    private func inherited<Value>(_ style: String, _ value: (String) -> Value?) -> Value? {
        var style = style
        for _ in 0..<16 {
            if let value = value(style) { return value }
            guard let parent = parents[style] else { return nil }
            style = parent
        }
        return nil
    }
}
