import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// What a command prints: lines for a person, or one JSON object a line (`--json`). Notes go to standard error.
struct Output: Sendable {
    let program: Program
    let isJSON: Bool
    let isQuiet: Bool

    static let json = Setting.toggle("JSON", "print one JSON object per line").asFlagOnly
    static let quiet = Setting.toggle("QUIET", "print results only: no notes and no progress").asFlagOnly

    init(_ program: Program, _ reader: inout SettingsReader) {
        self.program = program
        isJSON = reader.read(Self.json)
        isQuiet = reader.read(Self.quiet)
    }

    /// A result: a line, or an object of this type.
    func item(_ type: String, _ line: @autoclosure () -> String, _ fields: (inout JSONWriter) -> Void) {
        guard isJSON else { return text(line()) }
        object(type, fields)
    }

    func object(_ type: String, _ fields: (inout JSONWriter) -> Void) {
        let bytes = JSONWriter.object { json in
            json.field("type", type)
            fields(&json)
        }
        program.print(String(decoding: bytes, as: UTF8.self).printableJSON + "\n")
    }

    /// Nothing with `--json`.
    func text(_ line: String) { if !isJSON { program.print(line + "\n") } }

    func note(_ line: String) { if !isQuiet { program.note("\(program.name): \(line.printable)\n") } }
}

extension ProgressMeter {
    init(_ output: Output, _ time: any TimeSource, _ what: String, total: Int? = nil) {
        self.init(output.program, isQuiet: output.isQuiet, time, what, total: total)
    }
}

extension Settings {
    /// How a command prints.
    static let shown = [Output.json.declaration, Output.quiet.declaration]
    /// Of `ingestctl`, which has no `--check`.
    static let about = [printConfig.declaration, version.declaration, help.declaration]
}
