import CommandLineOptions
import IngestCore

/// One command of `ingestctl`: what it takes, and what it does.
protocol Command: Sendable {
    static var declaration: CommandDeclaration { get }

    /// Reads its settings; what is wrong goes into the reader.
    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String])

    /// Prints to `context.output`.
    func run(_ context: CommandContext) async throws -> ExitStatus
}

/// How a command ended that did its work.
enum ExitStatus: Int32, Sendable {
    case success = 0
    /// Not all is as it should be, or not all was found.
    case finding = 1
}

/// What parsing, help, completion and the manual need to know of a command.
struct CommandDeclaration: Sendable {
    /// One word or two: `dead-letters list`.
    var name: String
    /// One line for the list of commands.
    var summary: String
    /// What follows the name in the usage line, and how many words that may be.
    var operands = ""
    var operandCount = 0...0
    /// Beside those of every command.
    var settings: [SettingDeclaration] = []
    /// The words behind `ingestctl`.
    var example: String
    var needs = Needs.cluster
    /// What exit code 1 means here; empty where it is not used.
    var finding = ""
    /// The objects that `--json` prints: each one's type, then its fields; those with `?` are not always there.
    var json: [String: String] = [:]

    enum Needs: Sendable {
        /// No settings and no server.
        case nothing
        case cluster
        /// The cluster makes it better: without OPENSEARCH_URL it does without.
        case clusterWhereSet
    }

    /// All that it takes.
    var all: [SettingDeclaration] {
        switch needs {
        case .nothing: settings + Settings.shown + Settings.about
        case .cluster, .clusterWhereSet:
            settings + Settings.shown
                + Settings.common.filter { common in !settings.contains { $0.flag == common.flag } } + Settings.about
        }
    }
}

/// Every command, in the order of `--help`.
enum Commands {
    static let all: [any Command.Type] = [
        SetupCommand.self, SearchCommand.self, ShowCommand.self, StatusCommand.self, RejectionsCommand.self,
        FlaggedCommand.self, CostsCommand.self, PipelinesCommand.self, VerifyCommand.self, RepairCommand.self,
        SwitchCommand.self,
        RetireCommand.self, RetryCommand.self, DeadLettersListCommand.self, DeadLettersShowCommand.self,
        DeadLettersRedriveCommand.self, DeadLettersPurgeCommand.self, PauseCommand.self, ResumeCommand.self,
        ForgetCommand.self, ExportCommand.self, ImportCommand.self, PruneCommand.self, ExportLedgerCommand.self,
        EvaluateCommand.self, GrantCommand.self, AccessFilterCommand.self, SettingsCommand.self, MetricsCommand.self,
        FieldsCommand.self,
        WatchCommand.self, ServeCommand.self, VersionCommand.self, CompletionCommand.self, ManualCommand.self,
    ]

    /// The command that the words begin with, and the rest of them. `dead-letters` alone lists them.
    static func find(_ words: [String]) -> (command: any Command.Type, rest: [String])? {
        for count in [2, 1] where words.count >= count {
            let name = words[..<count].joined(separator: " ")
            if let command = all.first(where: { $0.declaration.name == name }) {
                return (command, Array(words[count...]))
            }
        }
        if words.first == "dead-letters", words.dropFirst().isEmpty { return (DeadLettersListCommand.self, []) }
        return nil
    }

    /// The name that was meant, where one is near.
    static func nearest(_ words: [String]) -> String? {
        let names = all.map { $0.declaration.name }
        // The first word of two is right.
        let siblings = names.filter { $0.hasPrefix((words.first ?? "") + " ") }
        if !siblings.isEmpty {
            guard words.count > 1 else { return siblings.first }
            return OptionParser.nearest(words.prefix(2).joined(separator: " "), among: siblings) ?? siblings.first
        }
        let first = OptionParser.nearest(words.first ?? "", among: names.map { String($0.prefix { $0 != " " }) })
        guard let first, !names.contains(first) else { return first }
        return nearest([first] + words.dropFirst())
    }

    static var list: String {
        let width = all.map { ($0.declaration.name + " " + $0.declaration.operands).count }.max() ?? 0
        return all.map { command in
            let operands = command.declaration.operands
            let left = command.declaration.name + (operands.isEmpty ? "" : " " + operands)
            return "  " + left + String(repeating: " ", count: width + 2 - left.count) + command.declaration.summary
        }.joined(separator: "\n")
    }
}
