import CommandLineOptions
import Observability
import Resilience

/// A worker's settings, read once at its start.
package protocol WorkerSettings: Sendable {
    init(_ reader: inout SettingsReader)
    var common: CommonConfiguration { get }
}

/// A long-running program of the fleet. Its `main` reads the settings, then checks or runs, and ends with a code of sysexits.h.
package protocol Worker: Sendable {
    associatedtype Configuration: WorkerSettings

    static var program: Program { get }
    /// Of the health endpoint.
    static var defaultPort: UInt16 { get }

    init(configuration: Configuration, services: Services, shutdown: Shutdown)

    /// Works until a stop is requested.
    func run() async throws

    /// Connects to everything that `run` needs.
    func check() async -> CheckReport
}

extension Worker {
    package static func main() async {
        let shutdown = Shutdown()
        Signals.handle(with: shutdown)
        let environment = ProcessEnvironment.variables
        ProcessEnvironment.hideSecrets()
        let parsed = program.parse(Array(CommandLine.arguments.dropFirst()), environment: environment)
        if parsed.values[Settings.healthcheck.declaration.environment] == "true" {
            await HealthCheck(parsed.values, defaultPort: defaultPort).run(as: program)
        }
        var reader = SettingsReader(parsed.values)
        let configuration = Configuration(&reader)
        for problem in AWSEndpoints.problems(in: environment) { reader.problem(problem) }
        if let operand = parsed.operands.first { reader.problem("unexpected argument \"\(operand)\"") }
        program.require(reader, printing: parsed.values[Settings.printConfig.declaration.environment] == "true")

        let sink = StandardErrorLog(asJSON: configuration.common.logAsJSON)
        let services = Services(configuration.common, environment: environment, label: program.name, sink: sink)
        let worker = Self(configuration: configuration, services: services, shutdown: shutdown)
        do {
            let mistyped = OptionParser.mistyped(environment, known: Settings.all)
            if parsed.values[Settings.check.declaration.environment] == "true" {
                var report = await worker.check()
                for problem in mistyped { report.fail("environment", problem) }
                sink.close()
                program.print(report.text)
                if !report.isHealthy {
                    program.fail("not everything can be reached", code: Program.ExitCode.unavailable)
                }
            } else {
                for problem in mistyped { services.log.warning("unknown environment variable", ["problem": problem]) }
                try await worker.run()
                sink.close()
            }
        } catch {
            let failure = Failure(error)
            services.log.log(.critical, failure.summary)
            sink.close()
            let isRefused = error is PipelineRefusal
            program.fail(
                failure.summary,
                code: isRefused ? Program.ExitCode.configuration : Program.ExitCode.unavailable
            )
        }
    }
}
