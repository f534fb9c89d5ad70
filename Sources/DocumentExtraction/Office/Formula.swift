/// A formula of an office document (ECMA-376 part 1, §22.1) in a line: `1/12`, `10^3`, `√(a+b)`.
struct Formula {
    private struct Node {
        var name: String
        /// What its parts say, with their names.
        var parts: [(name: String, text: String)] = []
        /// The sign of a sum, and the brackets around a term.
        var signs: [String: String] = [:]
    }

    private var open: [Node] = []
    private static let deepest = 64
    private var skipped = 0

    var isEmpty: Bool { open.isEmpty }

    mutating func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        let name = name.string
        guard open.count < Self.deepest else { return skipped += 1 }
        // Properties belong to what they stand in.
        if ["chr", "begChr", "endChr"].contains(name), open.count > 1 {
            open[open.count - 2].signs[name] = attributes["val"] ?? ""
        }
        open.append(Node(name: name))
    }

    mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
        guard open.last?.name == "t" else { return }
        open[open.count - 1].parts.append(("", String(decoding: text, as: UTF8.self)))
    }

    /// The whole formula at its end, else nil.
    mutating func end() -> String? {
        guard skipped == 0 else {
            skipped -= 1
            return nil
        }
        guard let node = open.popLast() else { return nil }
        let text = Self.text(node)
        guard !open.isEmpty else { return text }
        open[open.count - 1].parts.append((node.name, text))
        return nil
    }

    private static func text(_ node: Node) -> String {
        func part(_ name: String) -> String { node.parts.first { $0.name == name }?.text ?? "" }
        func terms(_ name: String) -> [String] { node.parts.filter { $0.name == name }.map(\.text) }
        switch node.name {
        case "f": return "\(bracketed(part("num")))/\(bracketed(part("den")))"
        case "sSup": return "\(bracketed(part("e")))^\(bracketed(part("sup")))"
        case "sSub": return "\(part("e"))_\(bracketed(part("sub")))"
        case "sSubSup": return "\(part("e"))_\(bracketed(part("sub")))^\(bracketed(part("sup")))"
        case "rad": return "\(part("deg"))√\(bracketed(part("e")))"
        case "nary":
            let (from, to) = (part("sub"), part("sup"))
            return (node.signs["chr"] ?? "∫") + (from.isEmpty ? "" : "_\(bracketed(from))")
                + (to.isEmpty ? "" : "^\(bracketed(to))")
                + " \(part("e"))"
        case "d":
            return (node.signs["begChr"] ?? "(") + terms("e").joined(separator: ", ") + (node.signs["endChr"] ?? ")")
        case "m": return terms("mr").joined(separator: "; ")
        case "mr": return terms("e").joined(separator: ", ")
        case "func": return "\(part("fName")) \(part("e"))"
        case let name where name.hasSuffix("Pr"): return ""
        default: return node.parts.map(\.text).joined()
        }
    }

    /// What is more than one number or name.
    private static func bracketed(_ text: String) -> String {
        let isOne =
            text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "," }
            || text.hasPrefix("(") && text.hasSuffix(")")
        return isOne || text.count <= 1 ? text : "(\(text))"
    }
}
