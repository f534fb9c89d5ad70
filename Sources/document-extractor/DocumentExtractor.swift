import ExtractorProgram
import Glibc

/// Reads documents' text, in the sandbox.
@main
struct DocumentExtractor {
    static func main() {
        guard let options = ExtractorOptions(CommandLine.arguments.dropFirst()) else {
            exit(ExtractorProgram.ExitCode.usage)
        }
        ExtractorProgram(options).run()
    }
}
