import TextCoding

/// Reads typed settings and collects everything that is wrong, so that it can be reported at once.
package struct SettingsReader {
    private let values: [String: String]
    package private(set) var problems: [String] = []
    /// Of arguments, not of settings.
    package private(set) var usageProblems: [String] = []
    private var printed: [(name: String, value: String)] = []

    package init(_ values: [String: String]) { self.values = values }

    package mutating func read<Value>(_ setting: Setting<Value>) -> Value {
        let declaration = setting.declaration
        let text = values[declaration.environment]
        let shown = declaration.isSecret ? (text == nil ? "" : "(set)") : text ?? declaration.defaultText
        if declaration.isReadFromEnvironment { printed.append((declaration.environment, shown)) }
        guard let text else {
            if declaration.isRequired {
                problem("\(declaration.environment) is missing: \(declaration.help) (\(declaration.flag))")
            }
            return setting.fallback
        }
        do throws(SettingProblem) {
            return try setting.parse(text)
        } catch {
            problem(
                "\(declaration.name) is \(error.text)\(declaration.isSecret ? "" : ": \"\(Self.withoutPassword(text))\"")\(declaration.isReadFromEnvironment ? " (\(declaration.flag))" : "")"
            )
            return setting.fallback
        }
    }

    /// Whether a value was given, be it empty.
    package func isSet<Value>(_ setting: Setting<Value>) -> Bool { values[setting.declaration.environment] != nil }

    package mutating func problem(_ text: String) { problems.append(text) }

    /// An argument that means nothing.
    package mutating func usage(_ text: String) { usageProblems.append(text) }

    /// A URL without what may be secret in it: what stands before its host, and its query.
    package static func withoutPassword(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return text.printable }
        var rest = text[scheme.upperBound...]
        var shown = String(text[..<scheme.upperBound])
        if let at = rest.lastIndex(of: "@") {
            shown += "***@"
            rest = rest[rest.index(after: at)...]
        }
        guard let query = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) else { return (shown + rest).printable }
        return (shown + rest[..<query] + "?***").printable
    }

    /// Every setting as `NAME=value`, secrets only as set or not.
    package var printout: String { printed.map { "\($0.name)=\($0.value)\n" }.joined() }
}
