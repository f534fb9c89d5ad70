import CommandLineOptions
import IngestCore
import Observability
import OpenSearch
import Resilience
import TextCoding

/// The operator's program.
@main
struct Ingestctl {
    /// Of the program as a whole, for what stands before a command.
    private static let overview = Program(
        name: "ingestctl",
        summary: """
            Operate an ingest fleet: indexes, documents, queues, workers. Commands:
            \(Commands.list)

            'ingestctl COMMAND --help' says what a command takes.
            Exit codes: 0 done, 1 something is not as it should be, 64 usage, 69 a server cannot be used, 77 not permitted, 78 a setting is wrong.
            """,
        operands: "COMMAND",
        declarations: Settings.about
    )

    static func main() async {
        let environment = ProcessEnvironment.variables
        ProcessEnvironment.hideSecrets()
        let (command, rest) = find(Array(CommandLine.arguments.dropFirst()), environment)
        let declaration = command.declaration
        let finding = declaration.finding.isEmpty ? "" : "\n\nEXIT CODE 1: \(declaration.finding)"
        let program = Program(
            name: "ingestctl \(declaration.name)",
            summary: "\(declaration.summary)\n\nEXAMPLE: ingestctl \(declaration.example)\(finding)",
            operands: declaration.operands,
            declarations: declaration.all
        )
        let parsed = program.parse(rest, environment: environment)
        guard declaration.operandCount.contains(parsed.operands.count) else {
            let usage = declaration.operands.isEmpty ? "no arguments" : declaration.operands
            program.fail("takes \(usage). See 'ingestctl \(declaration.name) --help'.", code: Program.ExitCode.usage)
        }
        var reader = SettingsReader(parsed.values)
        let output = Output(program, &reader)
        let common = CommonConfiguration(&reader, needsCluster: declaration.needs == .cluster)
        let pipelineName = reader.read(CommandContext.pipelineSetting)
        let made = command.init(&reader, common, parsed.operands)
        program.requireUsage(reader)
        if declaration.needs != .nothing {
            for problem in AWSEndpoints.problems(in: environment) { reader.problem(problem) }
            program.require(reader, printing: parsed.values[Settings.printConfig.declaration.environment] == "true")
        }
        let sink = StandardErrorLog(asJSON: common.logAsJSON)
        let services = Services(common, environment: environment, label: overview.name, sink: sink)
        let context = CommandContext(
            services: services,
            common: common,
            output: output,
            pipelineName: pipelineName,
            hasCluster: reader.isSet(Settings.openSearch)
        )
        do {
            let status = try await made.run(context)
            sink.close()
            program.finish(code: status.rawValue)
        } catch {
            sink.close()
            program.fail(Failure(error).summary, code: code(error))
        }
    }

    private static func code(_ error: any Error) -> Int32 {
        switch error {
        case is UsageProblem: Program.ExitCode.usage
        case is PipelineRefusal, is DocumentRules.Problem: Program.ExitCode.configuration
        case let error as AWSError where error.isDenied: Program.ExitCode.noPermission
        case let error as OpenSearchError where [401, 403].contains(error.status): Program.ExitCode.noPermission
        default: Program.ExitCode.unavailable
        }
    }

    /// The command and its arguments. Options may stand before its name, as far as they have no values.
    private static func find(_ arguments: [String], _ environment: [String: String]) -> (any Command.Type, [String]) {
        let options = arguments.prefix { $0.hasPrefix("-") }
        var words = Array(arguments.dropFirst(options.count))
        guard !words.isEmpty else {
            _ = overview.parse(arguments, environment: environment)
            overview.fail("which command? See 'ingestctl --help'.", code: Program.ExitCode.usage)
        }
        let isHelp = words[0] == "help"
        if isHelp { words.removeFirst() }
        if isHelp, words.isEmpty { _ = overview.parse(["--help"], environment: environment) }
        guard let (command, rest) = Commands.find(words) else {
            // `dead-letters --json`: options after the first word of two.
            if let (command, _) = Commands.find([words[0]]), words[1].hasPrefix("-") {
                return (command, Array(options) + words.dropFirst())
            }
            let name = words.prefix { !$0.hasPrefix("-") }.prefix(2).joined(separator: " ")
            let meant = Commands.nearest(words).map { "; did you mean '\($0)'?" } ?? ". See 'ingestctl --help'."
            overview.fail("'\(name)' is not a command\(meant)", code: Program.ExitCode.usage)
        }
        return (command, isHelp ? ["--help"] : Array(options) + rest)
    }
}

/// Arguments that parse and mean nothing.
struct UsageProblem: ClassifiedError {
    var text: String

    init(_ text: String) { self.text = text }

    var failure: Failure { .fleet(text) }
}
