import CommandLineOptions
import IngestCore

/// A command that prints a table of the documentation, from the declarations that the programs themselves go by.
protocol TableCommand: Command {
    init()

    static var markdown: String { get }
}

extension TableCommand {
    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) { self.init() }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        context.output.program.print(Self.markdown)
        return .success
    }
}
