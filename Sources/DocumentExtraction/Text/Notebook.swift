import ExtractionWire

/// A Jupyter notebook (nbformat 4): Markdown as it is meant, code with what it printed. Pictures and what programs keep for themselves are left out.
struct Notebook {
    static let cells = ["cells"]

    private var kind = ""
    private var source = ""
    private var output = ""

    static func isNotebook(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.first(where: { $0 > 0x20 }) == 0x7B else { return false }
        let ends = [bytes.prefix(4096), bytes.suffix(4096)].map { String(decoding: $0, as: UTF8.self) }
        return ends.contains { $0.contains("\"nbformat\"") } && ends.contains { $0.contains("\"cells\"") }
    }

    /// Takes a value of the notebook, under the names that lead to it; true where it is none of its text otherwise.
    mutating func add(_ text: String, _ names: [String]) -> Bool {
        switch names.dropFirst().joined(separator: "/") {
        case "cell_type": kind = text
        case "source": source += text
        case "outputs/text", "outputs/data/text/plain", "outputs/ename", "outputs/evalue": output += text
        default: break
        }
        return names.first == "cells" || names.first == "metadata" || names.first?.hasPrefix("nbformat") == true
    }

    mutating func endCell(_ builder: inout TextBuilder) throws(Rejection) {
        defer { (kind, source, output) = ("", "", "") }
        if kind == "markdown" {
            builder.append(
                try MarkdownReader.read(Array(source.utf8), limits: ExtractionLimits(textBytes: builder.limit))
            )
        } else {
            append(source, to: &builder)
            append(output, to: &builder)
        }
    }

    private func append(_ text: String, to builder: inout TextBuilder) {
        guard !text.isEmpty else { return }
        builder.begin(.code)
        TerminalCodes.removed(from: Array(text.utf8)).withUnsafeBufferPointer { builder.appendVerbatim($0) }
        builder.end()
    }
}
