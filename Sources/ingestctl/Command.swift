import CommandLineOptions
import IngestCore

/// One command of `ingestctl`: what it takes, and what it does.
protocol Command: Sendable {
    static var declaration: CommandDeclaration { get }

    /// Reads its settings; what is wrong goes into the reader.
    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String])

    /// - Returns: what is printed at the end.
    func run(_ context: CommandContext) async throws -> String

    /// What it prints where it needs no settings and no server, else nil.
    static var offline: String? { get }
}

extension Command {
    static var offline: String? { nil }
}

/// What parsing, help and completion need to know of a command.
struct CommandDeclaration: Sendable {
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
}

/// What every command works with.
struct CommandContext: Sendable {
    var services: Services
    var common: CommonConfiguration

    var names: IndexNames { common.names }
}

/// Every command, in the order of `--help`.
enum Commands {
    static let all: [any Command.Type] = [
        SetupCommand.self, SwitchCommand.self, SearchCommand.self, StatusCommand.self, RejectionsCommand.self,
        FlaggedCommand.self, DeadLettersCommand.self, PruneCommand.self, SettingsCommand.self,
    ]

    static func find(_ name: String) -> (any Command.Type)? { all.first { $0.declaration.name == name } }

    /// The name that was meant, where one is near.
    static func nearest(_ name: String) -> String? {
        let names = all.map { ($0.declaration.name, OptionParser.distance(name, $0.declaration.name)) }
        guard let (found, distance) = names.min(by: { $0.1 < $1.1 }), distance <= max(2, name.count / 3) else {
            return nil
        }
        return found
    }

    static var list: String {
        let width = all.map { ($0.declaration.name + " " + $0.declaration.operands).count }.max() ?? 0
        return all.map { command in
            let left =
                command.declaration.name
                + (command.declaration.operands.isEmpty ? "" : " " + command.declaration.operands)
            return "  " + left + String(repeating: " ", count: width + 2 - left.count) + command.declaration.summary
        }.joined(separator: "\n")
    }
}
