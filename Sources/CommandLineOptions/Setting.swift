import HTTPTransport
import TextCoding

/// One option of a program: its flag, its environment variable, its meaning. Parsing, `--help`, `--print-config` and the table of the
/// documentation all come from here.
package struct SettingDeclaration: Equatable, Sendable {
    /// With its hyphens: `--ingest-queue-url`.
    package var flag: String
    package var environment: String
    /// The placeholder of the value in help; nil for a switch.
    package var placeholder: String?
    package var help: String
    package var defaultText: String
    package var isRequired: Bool
    package var isSecret: Bool
    /// False for the flags of one invocation: a variable of that name in a container's environment means something else.
    package var isReadFromEnvironment = true
    /// Another value means another physical index: it must be the same for both workers and `ingestctl`.
    package var isInFingerprint = false
    /// A second variable, for where the first is not set.
    package var alternative: String?

    /// What a message calls it.
    package var name: String { isReadFromEnvironment ? environment : flag }
}

/// A declaration with its type.
package struct Setting<Value: Sendable>: Sendable {
    package private(set) var declaration: SettingDeclaration
    /// The default, or the substitute until the missing value has been reported.
    let fallback: Value
    /// Throws what is wrong with the text, in words that follow "is".
    let parse: @Sendable (String) throws(SettingProblem) -> Value

    private init(
        _ environment: String,
        _ placeholder: String?,
        _ help: String,
        defaultText: String,
        isRequired: Bool = false,
        isSecret: Bool = false,
        fallback: Value,
        parse: @escaping @Sendable (String) throws(SettingProblem) -> Value
    ) {
        let flag = "--" + environment.lowercased().replacing("_", with: "-")
        declaration = SettingDeclaration(
            flag: flag,
            environment: environment,
            placeholder: placeholder,
            help: help,
            defaultText: defaultText,
            isRequired: isRequired,
            isSecret: isSecret
        )
        self.fallback = fallback
        self.parse = parse
    }
}

extension Setting {
    /// The same, read from another variable where its own is not set.
    package func or(_ variable: String) -> Setting {
        var copy = self
        copy.declaration.alternative = variable
        return copy
    }

    /// The same, as a part of the pipeline's fingerprint.
    package var inFingerprint: Setting {
        var copy = self
        copy.declaration.isInFingerprint = true
        return copy
    }

    /// The same under another flag, given by it only.
    package func flagged(_ flag: String) -> Setting {
        var copy = asFlagOnly
        copy.declaration.flag = flag
        return copy
    }

    /// The same, where nothing depends on its being set.
    package var optional: Setting {
        var copy = self
        copy.declaration.isRequired = false
        return copy
    }

    /// The same, given by its flag only.
    package var asFlagOnly: Setting {
        var copy = self
        copy.declaration.isReadFromEnvironment = false
        return copy
    }
}

package struct SettingProblem: Error, Equatable {
    package var text: String

    init(_ text: String) { self.text = text }
}

extension Setting where Value == String {
    package static func text(
        _ environment: String,
        _ placeholder: String,
        _ help: String,
        default fallback: String? = nil,
        isSecret: Bool = false
    ) -> Setting {
        Setting(
            environment,
            placeholder,
            help,
            defaultText: fallback ?? "",
            isRequired: fallback == nil,
            isSecret: isSecret,
            fallback: fallback ?? "",
            parse: { (text) throws(SettingProblem) in text }
        )
    }

    package static func choice(_ environment: String, _ choices: [String], _ help: String, default fallback: String)
        -> Setting
    {
        Setting(
            environment,
            choices.joined(separator: "|"),
            help,
            defaultText: fallback,
            fallback: fallback,
            parse: { (text) throws(SettingProblem) in
                // In any case, and with the words that other systems use.
                let word = text.trimmed.lowercased().replacing("_", with: "-")
                let known = ["warn": "warning", "fatal": "critical"]
                guard let choice = [word, known[word] ?? word].first(where: choices.contains) else {
                    throw SettingProblem("none of \(choices.joined(separator: ", "))")
                }
                return choice
            }
        )
    }
}

/// A whole number of a setting's text.
private struct NumberParser {
    var range: ClosedRange<Int>

    func parse(_ text: String) throws(SettingProblem) -> Int {
        guard let value = Int(text.plainValue), range.contains(value) else {
            throw SettingProblem("not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func parseOptional(_ text: String) throws(SettingProblem) -> Int? { try parse(text) }
}

extension Setting where Value == Int {
    package static func number(
        _ environment: String,
        _ placeholder: String,
        _ help: String,
        default fallback: Int,
        in range: ClosedRange<Int>
    ) -> Setting {
        let text = String(fallback)
        let parse = NumberParser(range: range).parse
        return Setting(environment, placeholder, help, defaultText: text, fallback: fallback, parse: parse)
    }
}

extension Setting where Value == Int? {
    package static func number(
        _ environment: String,
        _ placeholder: String,
        _ help: String,
        defaultText: String,
        in range: ClosedRange<Int>
    ) -> Setting {
        let parse = NumberParser(range: range).parseOptional
        return Setting(environment, placeholder, help, defaultText: defaultText, fallback: nil, parse: parse)
    }
}

extension Setting where Value == Bool {
    /// A flag without value; true and false in the environment.
    package static func toggle(_ environment: String, _ help: String) -> Setting {
        Setting(
            environment,
            nil,
            help,
            defaultText: "false",
            fallback: false,
            parse: { (text) throws(SettingProblem) in
                switch text.lowercased() {
                case "true", "1", "yes": return true
                case "false", "0", "no", "": return false
                default: throw SettingProblem("neither true nor false")
                }
            }
        )
    }
}

extension Setting where Value == Endpoint {
    /// - Parameter fallback: an address; nil requires one.
    package static func address(_ environment: String, _ help: String, default fallback: String? = nil) -> Setting {
        Setting(
            environment,
            "URL",
            help,
            defaultText: fallback ?? "",
            isRequired: fallback == nil,
            isSecret: false,
            fallback: fallback.flatMap(Endpoint.init) ?? Endpoint(isSecure: false, host: "unset"),
            parse: { (text) throws(SettingProblem) in
                guard let endpoint = Endpoint(text.plainValue) else {
                    throw SettingProblem("no address such as https://host:port/path (without user, password or query)")
                }
                return endpoint
            }
        )
    }
}

extension String {
    /// The value without what env files leave around it: blanks, a carriage return, quotes.
    fileprivate var plainValue: String {
        let text = trimmed
        guard text.count >= 2, let first = text.first, first == text.last, first == "\"" || first == "'" else {
            return String(text)
        }
        return String(text.dropFirst().dropLast())
    }
}
