import CommandLineOptions
import HTTPTransport
import Resilience

/// `--healthcheck`: what a container's health check runs, as the image has no HTTP client of its own.
struct HealthCheck {
    private let endpoint: Endpoint?

    init(_ values: [String: String], defaultPort: UInt16) {
        let host = values[Settings.healthHost.declaration.environment] ?? ""
        // An address that means all of them is none that can be asked.
        let name = ["", "0.0.0.0", "::", "*"].contains(host) ? "127.0.0.1" : host.contains(":") ? "[\(host)]" : host
        let port = values[Settings.healthPort.declaration.environment].flatMap { UInt16($0) } ?? defaultPort
        endpoint = Endpoint("http://\(name):\(port)")
    }

    func run(as program: Program) async -> Never {
        guard let endpoint else { program.fail("HEALTH_HOST is no address", code: Program.ExitCode.configuration) }
        var request = HTTPRequest("GET", endpoint, path: "/live")
        request.timeout = .seconds(4)
        request.bypassesProxy = true
        do {
            let response = try await CurlTransport().execute(request)
            if response.isSuccess { program.finish(code: Program.ExitCode.success) }
            let reason = String(decoding: response.body.prefix(200), as: UTF8.self)
            program.fail("not live: \(reason)", code: Program.ExitCode.finding)
        } catch {
            program.fail("no answer from \(endpoint): \(Failure(error).summary)", code: Program.ExitCode.finding)
        }
    }
}
