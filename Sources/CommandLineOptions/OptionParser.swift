/// Arguments and environment against declarations. Pure.
package struct OptionParser: Sendable {
    package var declarations: [SettingDeclaration]

    package init(_ declarations: [SettingDeclaration]) { self.declarations = declarations }

    package struct Parsed: Equatable, Sendable {
        /// By environment name. Arguments win over the environment; an empty variable counts as unset.
        package var values: [String: String]
        /// Arguments that are no options.
        package var operands: [String]
    }

    package struct UsageError: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    package func parse(_ arguments: [String], environment: [String: String]) throws(UsageError) -> Parsed {
        var values: [String: String] = [:]
        for declaration in declarations where declaration.isReadFromEnvironment {
            let names = [declaration.environment] + (declaration.alternative.map { [$0] } ?? [])
            if let value = names.lazy.compactMap({ environment[$0] }).first(where: { !$0.isEmpty }) {
                values[declaration.environment] = value
            }
        }
        var operands: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                break
            }
            guard argument.hasPrefix("-"), argument.count > 1 else {
                operands.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let declaration = declarations.first(where: { $0.flag == parts[0] }) else {
                throw UsageError(description: unknown(parts[0]))
            }
            if declaration.placeholder == nil {
                guard parts.count == 1 else { throw UsageError(description: "\(parts[0]) takes no value") }
                values[declaration.environment] = "true"
            } else if parts.count == 2 {
                values[declaration.environment] = parts[1]
            } else {
                guard let value = rest.popFirst() else {
                    throw UsageError(description: "\(parts[0]) needs a value: \(declaration.placeholder ?? "")")
                }
                values[declaration.environment] = value
            }
        }
        return Parsed(values: values, operands: operands)
    }

    /// Variables that are not settings and look like one: mistyped, as a rule.
    ///
    /// - Parameter known: the settings of every program: one environment may serve them all.
    package static func mistyped(_ environment: [String: String], known: [SettingDeclaration]) -> [String] {
        let names = Set(
            known.filter(\.isReadFromEnvironment).flatMap { [$0.environment] + ($0.alternative.map { [$0] } ?? []) }
        )
        return environment.keys.sorted().compactMap { name in
            guard !names.contains(name), name.utf8.count >= 6 else { return nil }
            let nearest = names.map { ($0, distance(name, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
            guard let (setting, distance) = nearest, distance <= (name.utf8.count >= 9 ? 2 : 1) else { return nil }
            return "\(name) is not a setting; did you mean \(setting)?"
        }
    }

    private func unknown(_ flag: String) -> String {
        guard let name = Self.nearest(flag, among: declarations.map(\.flag), within: 3) else {
            return "unknown option \(flag)"
        }
        return "unknown option \(flag); did you mean \(name)?"
    }

    /// The word that was meant, where one is near.
    package static func nearest(_ word: String, among words: [String], within errors: Int = 2) -> String? {
        let nearest = words.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
        guard let (found, distance) = nearest, distance <= max(errors, word.count / 3) else { return nil }
        return found
    }

    /// Levenshtein's distance.
    package static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[right.count]
    }

    /// The options part of `--help`, in swift-argument-parser's looks.
    package func help() -> String {
        declarations.map { declaration in
            let left = "  " + declaration.flag + (declaration.placeholder.map { " <\($0)>" } ?? "")
            let gap =
                left.count < 40
                ? String(repeating: " ", count: 40 - left.count) : "\n" + String(repeating: " ", count: 40)
            var right = declaration.help
            if declaration.isRequired { right += " (required)" }
            if !declaration.defaultText.isEmpty, declaration.placeholder != nil {
                right += " (default: \(declaration.defaultText))"
            }
            return left + gap + right + (declaration.isReadFromEnvironment ? " [\(declaration.environment)]" : "")
        }.joined(separator: "\n")
    }
}
