import CommandLineOptions
import IngestCore

/// `ingestctl completion`.
struct CompletionCommand: Command {
    static let declaration = CommandDeclaration(
        name: "completion",
        summary: "print the completion script of a shell",
        operands: "bash|zsh|fish",
        operandCount: 1...1,
        example: "completion bash >/etc/bash_completion.d/ingestctl",
        needs: .nothing
    )

    private let shell: Shell?

    enum Shell: String, CaseIterable {
        case bash
        case zsh
        case fish
    }

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        shell = Shell(rawValue: operands.first ?? "")
        if shell == nil {
            let meant = OptionParser.nearest(operands.first ?? "", among: Shell.allCases.map(\.rawValue))
            reader.usage("no such shell: bash, zsh or fish\(meant.map { "; did you mean \($0)?" } ?? "")")
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let text =
            switch shell {
            case .bash: CompletionScript.bash
            case .zsh: CompletionScript.zsh
            case .fish: CompletionScript.fish
            case nil: ""
            }
        context.output.program.print(text)
        return .success
    }
}

/// The scripts, from the declarations that the program parses with.
enum CompletionScript {
    private static var names: [String] { Commands.all.map { $0.declaration.name } }
    /// First words, once each.
    private static var firstWords: [String] {
        var found: [String] = []
        for name in names {
            let word = String(name.prefix { $0 != " " })
            if !found.contains(word) { found.append(word) }
        }
        return found
    }
    private static func secondWords(_ first: String) -> [String] {
        names.filter { $0.hasPrefix(first + " ") }.map { String($0.dropFirst(first.count + 1)) }
    }

    /// The values that an option takes where they are a closed list.
    private static func choices(_ declaration: SettingDeclaration) -> [String] {
        guard let placeholder = declaration.placeholder, placeholder.contains("|"),
            placeholder != placeholder.uppercased(),
            !placeholder.contains("fingerprint")
        else { return [] }
        return placeholder.split(separator: "|").map(String.init)
    }

    static var bash: String {
        var cases = ""
        for command in Commands.all {
            let declaration = command.declaration
            let flags = declaration.all.map(\.flag).joined(separator: " ")
            let operands = words(declaration).joined(separator: " ")
            cases += "        \"\(declaration.name)\") options=\"\(flags)\"; operands=\"\(operands)\" ;;\n"
        }
        var values = ""
        var seen: Set<String> = []
        for declaration in Commands.all.flatMap({ $0.declaration.all }) where seen.insert(declaration.flag).inserted {
            let list = choices(declaration)
            if !list.isEmpty {
                values +=
                    "        \(declaration.flag)) COMPREPLY=($(compgen -W \"\(list.joined(separator: " "))\" -- \"$word\")); return ;;\n"
            }
        }
        let seconds = firstWords.filter { !secondWords($0).isEmpty }.map { first in
            "        \(first)) if [ \"$COMP_CWORD\" = 2 ]; then COMPREPLY=($(compgen -W \"\(secondWords(first).joined(separator: " "))\" -- \"$word\")); return; fi; command=\"\(first) ${COMP_WORDS[2]}\" ;;\n"
        }.joined()
        return """
            # bash completion of ingestctl
            _ingestctl() {
                local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}" options="" operands=""
                COMPREPLY=()
                if [ "$COMP_CWORD" = 1 ]; then
                    COMPREPLY=($(compgen -W "help \(firstWords.joined(separator: " "))" -- "$word"))
                    return
                fi
                case "$previous" in
            \(values)    esac
                case "$command" in
            \(seconds)    esac
                case "$command" in
            \(cases)    esac
                COMPREPLY=($(compgen -W "$options $operands" -- "$word"))
            }
            complete -o default -F _ingestctl ingestctl

            """
    }

    /// Operands that are a closed list of words.
    private static func words(_ declaration: CommandDeclaration) -> [String] {
        let text = declaration.operands
        guard text.contains("|"), text == text.lowercased(), !text.contains("s3:") else { return [] }
        return text.split(separator: "|").map(String.init)
    }

    static var zsh: String {
        var cases = ""
        for command in Commands.all {
            let declaration = command.declaration
            let options = declaration.all.map { setting in
                let value = setting.placeholder.map { placeholder in
                    let list = choices(setting)
                    return ":\(zshText(placeholder)):\(list.isEmpty ? "" : "(\(list.joined(separator: " ")))")"
                }
                return
                    "                '\(setting.flag)\(value == nil ? "" : "=")[\(zshText(setting.help))]\(value ?? "")'"
            }
            let operands = words(declaration)
            let rest = operands.isEmpty ? "'*:file:_files'" : "'*:operand:(\(operands.joined(separator: " ")))'"
            cases +=
                "            \"\(declaration.name)\") _arguments \\\n\(options.joined(separator: " \\\n")) \\\n                \(rest) ;;\n"
        }
        let summaries = firstWords.map { first in
            let summary = Commands.all.first { $0.declaration.name.hasPrefix(first) }?.declaration.summary ?? ""
            return "        '\(first):\(zshText(summary))'"
        }
        let seconds = firstWords.filter { !secondWords($0).isEmpty }.map { first in
            "    if [[ $command == \(first) ]]; then\n        if (( CURRENT == 3 )); then compadd \(secondWords(first).joined(separator: " ")); return; fi\n        command=\"\(first) $words[3]\"; shift words; (( CURRENT-- ))\n    fi\n"
        }.joined()
        return """
            #compdef ingestctl
            # zsh completion of ingestctl
            _ingestctl() {
                local -a commands
                commands=(
            \(summaries.joined(separator: "\n"))
                )
                if (( CURRENT == 2 )); then _describe command commands; return; fi
                local command=$words[2]
            \(seconds)    shift words; (( CURRENT-- ))
                case "$command" in
            \(cases)    esac
            }
            _ingestctl "$@"

            """
    }

    private static func zshText(_ text: String) -> String {
        text.replacing("'", with: "'\\''").replacing("[", with: "(").replacing("]", with: ")").replacing(
            ":",
            with: " -"
        )
    }

    static var fish: String {
        var lines = ["# fish completion of ingestctl", "complete -c ingestctl -f"]
        func text(_ text: String) -> String {
            "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        for first in firstWords {
            let summary = Commands.all.first { $0.declaration.name.hasPrefix(first) }?.declaration.summary ?? ""
            lines.append("complete -c ingestctl -n __fish_use_subcommand -a \(first) -d \(text(summary))")
            for second in secondWords(first) {
                let summary = Commands.find([first, second])?.command.declaration.summary ?? ""
                lines.append(
                    "complete -c ingestctl -n '__fish_seen_subcommand_from \(first); and not __fish_seen_subcommand_from \(secondWords(first).joined(separator: " "))' -a \(second) -d \(text(summary))"
                )
            }
        }
        for command in Commands.all {
            let declaration = command.declaration
            let condition = declaration.name.split(separator: " ").map { "__fish_seen_subcommand_from \($0)" }
                .joined(separator: "; and ")
            for word in words(declaration) { lines.append("complete -c ingestctl -n '\(condition)' -a \(word)") }
            for setting in declaration.all {
                let list = choices(setting)
                let value =
                    setting.placeholder == nil ? "" : list.isEmpty ? " -r" : " -x -a '\(list.joined(separator: " "))'"
                lines.append(
                    "complete -c ingestctl -n '\(condition)' -l \(setting.flag.dropFirst(2))\(value) -d \(text(setting.help))"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
