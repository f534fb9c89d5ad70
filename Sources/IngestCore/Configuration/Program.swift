import CPlatform
import CommandLineOptions
import Glibc
import Observability
import TextCoding

/// A command-line program: its name, its options, and its exit codes.
package struct Program: Sendable {
    package static let version = "0.1.0"

    /// Exit codes: of sysexits.h, and 1 for what was looked for and found wrong.
    package enum ExitCode {
        package static let success: Int32 = 0
        /// The command did its work, and not all is as it should be.
        package static let finding: Int32 = 1
        package static let usage: Int32 = 64
        package static let unavailable: Int32 = 69
        package static let noPermission: Int32 = 77
        package static let configuration: Int32 = 78
    }

    package var name: String
    package var summary: String
    /// What follows the options in the usage line.
    package var operands: String
    package var declarations: [SettingDeclaration]

    package init(name: String, summary: String, operands: String = "", declarations: [SettingDeclaration]) {
        self.name = name
        self.summary = summary
        self.operands = operands
        self.declarations = declarations
    }

    /// Parses; prints help, version or settings and exits where a flag says so.
    package func parse(_ arguments: [String], environment: [String: String]) -> OptionParser.Parsed {
        do throws(OptionParser.UsageError) {
            let parsed = try OptionParser(declarations).parse(arguments, environment: environment)
            if parsed.values[Settings.help.declaration.environment] == "true" {
                finish(help, to: stdoutDescriptor, code: 0)
            }
            if parsed.values[Settings.version.declaration.environment] == "true" {
                finish("\(name) \(Self.version)\n", to: stdoutDescriptor, code: 0)
            }
            return parsed
        } catch {
            let end = error.description.hasSuffix("?") ? "" : "."
            fail("\(error.description)\(end) See '\(name) --help'.", code: ExitCode.usage)
        }
    }

    /// Ends the process where arguments are wrong.
    package func requireUsage(_ reader: SettingsReader) {
        guard !reader.usageProblems.isEmpty else { return }
        finish("", to: STDERR_FILENO, code: ExitCode.usage, problems: reader.usageProblems)
    }

    /// Ends the process where settings are wrong, after naming every one; prints them for `--print-config`.
    package func require(_ reader: SettingsReader, printing: Bool) {
        requireUsage(reader)
        if printing {
            finish(
                reader.printout,
                to: stdoutDescriptor,
                code: reader.problems.isEmpty ? 0 : ExitCode.configuration,
                problems: reader.problems
            )
        }
        guard !reader.problems.isEmpty else { return }
        finish("", to: STDERR_FILENO, code: ExitCode.configuration, problems: reader.problems)
    }

    package func fail(_ text: String, code: Int32) -> Never {
        finish("\(name): \(text.printable)\n", to: STDERR_FILENO, code: code)
    }

    /// Ends the process.
    package func finish(code: Int32) -> Never { exit(code) }

    package func print(_ text: String) { Self.write(text, to: stdoutDescriptor) }

    /// For a person: what is not the result.
    package func note(_ text: String) { Self.write(text, to: STDERR_FILENO) }

    package static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    package static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    private var stdoutDescriptor: Int32 { STDOUT_FILENO }

    private func finish(_ text: String, to descriptor: Int32, code: Int32, problems: [String] = []) -> Never {
        Self.write(text, to: descriptor)
        Self.write(problems.map { "\(name): \($0)\n" }.joined(), to: STDERR_FILENO)
        exit(code)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(KnownSecrets.shared.masked(text).utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    private var help: String {
        """
        OVERVIEW: \(summary)

        USAGE: \(name) [options]\(operands.isEmpty ? "" : " \(operands)")

        OPTIONS (in brackets: the environment variable that means the same; the option wins):
        \(OptionParser(declarations).help())

        AWS credentials come from AWS_ACCESS_KEY_ID …, a web identity token file (EKS), the profile AWS_PROFILE of ~/.aws, the container
        endpoint (ECS) or the instance's role (EC2), whichever is found first;
        AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_SQS choose other servers.

        """
    }
}

/// The process's environment, once.
package enum ProcessEnvironment {
    package static var variables: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let line = entry.pointee {
            let parts = String(cString: line).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }

    /// Takes secrets out of the environment, once they are read, and hides the process's memory and environment from other processes of the same user.
    package static func hideSecrets() {
        for name in secrets {
            if let value = variables[name] { KnownSecrets.shared.add(value) }
            platform_wipe_environment(name)
        }
        _ = platform_hide_memory()
    }

    private static let secrets =
        ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        + Settings.all.filter(\.isSecret).map(\.environment)

    /// The folder of the running program.
    package static var programFolder: String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes {
            readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    package static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// The machine's files.
package struct LocalFiles: FileSystem {
    package init() {}

    package func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < 1 << 20 {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 { return nil }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
