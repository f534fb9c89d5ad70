import CommandLineOptions
import IngestCore
import Observability
import Resilience
import TextCoding

/// The operator's program.
@main
struct Ingestctl {
    /// Of the program as a whole, for what stands before a command.
    private static let overview = Program(
        name: "ingestctl",
        summary: """
            Operate an ingest fleet: index setup, search, status. Commands:
            \(Commands.list)

            'ingestctl COMMAND --help' says what a command takes.
            """,
        operands: "COMMAND",
        declarations: Settings.information
    )

    static func main() async {
        let environment = ProcessEnvironment.variables
        ProcessEnvironment.hideSecrets()
        let arguments = Array(CommandLine.arguments.dropFirst())
        let (command, rest) = find(arguments, environment)
        let declaration = command.declaration
        let program = Program(
            name: "ingestctl \(declaration.name)",
            summary: "\(declaration.summary)\n\nEXAMPLE: ingestctl \(declaration.example)",
            operands: declaration.operands,
            declarations: declaration.settings + (command.offline == nil ? Settings.common : []) + Settings.information
        )
        let parsed = program.parse(rest, environment: environment)
        guard declaration.operandCount.contains(parsed.operands.count) else {
            let usage = declaration.operands.isEmpty ? "no arguments" : declaration.operands
            program.fail("takes \(usage). See 'ingestctl \(declaration.name) --help'.", code: Program.ExitCode.usage)
        }
        if let text = command.offline { return program.print(text) }

        var reader = SettingsReader(parsed.values)
        let common = CommonConfiguration(&reader)
        let made = command.init(&reader, common, parsed.operands)
        for problem in AWSEndpoints.problems(in: environment) { reader.problem(problem) }
        program.require(reader, printing: parsed.values[Settings.printConfig.declaration.environment] == "true")
        let sink = StandardErrorLog(asJSON: common.logAsJSON)
        let services = Services(common, environment: environment, label: overview.name, sink: sink)
        do {
            program.print(try await made.run(CommandContext(services: services, common: common)))
            sink.close()
        } catch {
            sink.close()
            program.fail(Failure(error).summary, code: Program.ExitCode.unavailable)
        }
    }

    /// The command and its arguments. Options may stand before its name, as far as they have no values.
    private static func find(_ arguments: [String], _ environment: [String: String]) -> (any Command.Type, [String]) {
        guard let place = arguments.firstIndex(where: { !$0.hasPrefix("-") }) else {
            _ = overview.parse(arguments, environment: environment)
            overview.fail("which command? See 'ingestctl --help'.", code: Program.ExitCode.usage)
        }
        let rest = Array(arguments[..<place] + arguments[(place + 1)...])
        if arguments[place] == "help" {
            guard let name = rest.first, let command = Commands.find(name) else {
                _ = overview.parse(["--help"], environment: environment)
                overview.fail("which command? See 'ingestctl --help'.", code: Program.ExitCode.usage)
            }
            return (command, ["--help"])
        }
        guard let command = Commands.find(arguments[place]) else {
            let meant =
                Commands.nearest(arguments[place]).map { "; did you mean \($0)?" } ?? ". See 'ingestctl --help'."
            overview.fail("'\(arguments[place])' is not a command\(meant)", code: Program.ExitCode.usage)
        }
        return (command, rest)
    }
}
