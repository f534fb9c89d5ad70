import CommandLineOptions
import IngestCore

/// `ingestctl manual`.
struct ManualCommand: Command {
    static let declaration = CommandDeclaration(
        name: "manual",
        summary: "print the manual page (for 'man'), of ingestctl or of one command",
        operands: "[COMMAND]",
        operandCount: 0...2,
        settings: [markdown.declaration],
        example: "manual show | man -l -",
        needs: .nothing
    )

    private static let markdown = Setting.toggle("MARKDOWN", "all commands as a page of Markdown").asFlagOnly
    private let isMarkdown: Bool
    private let command: (any Command.Type)?

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        isMarkdown = reader.read(Self.markdown)
        command = operands.isEmpty ? nil : Commands.find(operands).flatMap { $0.rest.isEmpty ? $0.command : nil }
        if !operands.isEmpty, command == nil {
            let meant = Commands.nearest(operands).map { "; did you mean '\($0)'?" } ?? ""
            reader.usage("'\(operands.joined(separator: " "))' is not a command\(meant)")
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        if isMarkdown {
            context.output.program.print(CommandReference.markdown)
            return .success
        }
        context.output.program.print(command.map { ManualPage.text($0.declaration) } ?? ManualPage.overview)
        return .success
    }
}

/// Manual pages in man(7)'s macros, from the declarations that the program parses with.
enum ManualPage {
    static var overview: String {
        let commands = Commands.all.map { command in
            ".TP\n.B \(escaped(command.declaration.name)) \(escaped(command.declaration.operands))\n\(escaped(command.declaration.summary))\n"
        }
        return head("ingestctl", "operate an ingest fleet")
            + ".SH SYNOPSIS\n.B ingestctl\nCOMMAND [options] [operands]\n"
            + ".SH COMMANDS\n" + commands.joined() + exitCodes
            + ".SH SEE ALSO\n.BR ingest-worker (1),\n.BR embed-worker (1)\n"
    }

    static func text(_ declaration: CommandDeclaration) -> String {
        let page = "ingestctl-" + declaration.name.replacing(" ", with: "-")
        let options = declaration.all.map { setting in
            let value = setting.placeholder.map { " <\($0)>" } ?? ""
            let variable = setting.isReadFromEnvironment ? " [\(setting.environment)]" : ""
            let fallback =
                setting.placeholder == nil || setting.defaultText.isEmpty ? "" : " (default: \(setting.defaultText))"
            return ".TP\n.B \(escaped(setting.flag + value))\n\(escaped(setting.help + fallback + variable))\n"
        }
        let finding = declaration.finding.isEmpty ? "" : ".PP\nHere 1 means: \(escaped(declaration.finding)).\n"
        return head(page, declaration.summary)
            + ".SH SYNOPSIS\n.B ingestctl \(escaped(declaration.name))\n[options] \(escaped(declaration.operands))\n"
            + ".SH OPTIONS\n" + options.joined() + exitCodes + finding
            + ".SH EXAMPLE\n.nf\n\(escaped("ingestctl " + declaration.example))\n.fi\n"
    }

    private static func head(_ page: String, _ summary: String) -> String {
        ".TH \(escaped(page).uppercased()) 1 \"\" \"ingest-fleet \(Program.version)\"\n.SH NAME\n\(escaped(page)) \\- \(escaped(summary))\n"
    }

    private static let exitCodes = """
        .SH EXIT STATUS
        .TP
        .B 0
        The command did what it is for.
        .TP
        .B 1
        It did, and something is not as it should be.
        .TP
        .B 64
        Wrong arguments.
        .TP
        .B 69
        A server cannot be reached or used.
        .TP
        .B 77
        Not permitted: credentials or rights are missing.
        .TP
        .B 78
        A setting is missing or wrong, or is not the registered one.

        """

    /// A line that begins with a dot or a quote would be a macro.
    private static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}
