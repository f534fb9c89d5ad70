/// HTML as it is written. Text becomes HTML by `init(text:)` only, which escapes it: no title or key can be markup.
struct HTML: Sendable, ExpressibleByStringInterpolation {
    private(set) var source: String

    /// Markup of the program's own; interpolated strings are text.
    init(stringLiteral value: String) { source = value }

    init(stringInterpolation: Interpolation) { source = stringInterpolation.source }

    init(text: String) { source = Self.escaped(text) }

    struct Interpolation: StringInterpolationProtocol {
        fileprivate var source = ""

        init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { source += literal }
        mutating func appendInterpolation(_ text: String) { source += HTML.escaped(text) }
        mutating func appendInterpolation(_ number: Int) { source += String(number) }
        mutating func appendInterpolation(_ html: HTML) { source += html.source }
        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { source += part.source } }
    }

    static func + (left: HTML, right: HTML) -> HTML {
        var sum = left
        sum.source += right.source
        return sum
    }

    /// Control characters are shown as a mark; those that turn the direction of text lose their effect outside of the element.
    private static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                switch scalar.value {
                case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFFE...0xFFFF:
                    result += "\u{FFFD}"
                default: result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
