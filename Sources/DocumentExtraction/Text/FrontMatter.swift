/// YAML between two lines of three hyphens at the start of a Markdown file: what it says of the document. Of YAML, only lines of a name and a value, and lists of words.
struct FrontMatter {
    private(set) var title = ""
    private(set) var author = ""
    private(set) var date = ""
    /// Words that the document is to be found by.
    private(set) var keywords: [String] = []
    /// Where the document's text begins.
    private(set) var end = 0

    private static let longest = 65_536

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.starts(with: "---\n".utf8) || bytes.starts(with: "---\r\n".utf8) else { return }
        var lines: [Substring] = []
        var start = bytes[3] == 0x0A ? 4 : 5
        while start < min(bytes.count, Self.longest) {
            let stop = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            let line = String(decoding: bytes[start..<stop], as: UTF8.self).trimmedEnd
            start = stop + 1
            if line == "---" || line == "..." {
                end = min(start, bytes.count)
                read(lines)
                return
            }
            lines.append(line[...])
        }
    }

    private mutating func read(_ lines: [Substring]) {
        var name = ""
        for line in lines {
            if line.first == "-" || line.first == " ", let item = line.firstIndex(of: "-") {
                set(name, [Self.value(line[line.index(after: item)...])])
            } else if let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "#" {
                name = line[..<colon].lowercased()
                let value = line[line.index(after: colon)...].trimmed
                let isList = value.first == "[" && value.last == "]"
                set(
                    name,
                    isList
                        ? value.dropFirst().dropLast().split(separator: ",").map { Self.value($0) }
                        : [Self.value(value)]
                )
            }
        }
    }

    private mutating func set(_ name: String, _ values: [String]) {
        let values = values.filter { !$0.isEmpty }
        guard !values.isEmpty else { return }
        switch name {
        case "title": title = values.joined(separator: ", ")
        case "author", "authors": author += (author.isEmpty ? "" : ", ") + values.joined(separator: ", ")
        case "date": date = values[0]
        case "tags", "keywords", "categories", "description", "summary": keywords += values
        default: break
        }
    }

    private static func value(_ text: some StringProtocol) -> String {
        let text = String(text.trimmed)
        guard text.count > 1, let first = text.first, first == text.last, first == "\"" || first == "'" else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}

extension String {
    fileprivate var trimmedEnd: String { String(reversed().drop(while: \.isWhitespace).reversed()) }
}
