import AsyncPrimitives
import IngestCore

/// How far a long command is: a line that is written over on a terminal, a line every ten seconds elsewhere.
struct ProgressMeter {
    private let output: Output
    private let time: any TimeSource
    private let what: String
    /// How many there are, about; nil where that is not known.
    private let total: Int?
    private let started: Duration
    private var shown: Duration
    private var isOpen = false

    init(_ output: Output, _ time: any TimeSource, _ what: String, total: Int? = nil) {
        self.output = output
        self.time = time
        self.what = what
        self.total = total
        started = time.uptime
        shown = started
    }

    /// - Parameter detail: what else is worth knowing.
    mutating func update(_ done: Int, _ detail: String = "") {
        guard !output.isQuiet else { return }
        let now = time.uptime
        let isTerminal = Program.isErrorTerminal
        guard now - shown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        shown = now
        let line = line(done, now) + (detail.isEmpty ? "" : ", \(detail)")
        if isTerminal {
            output.program.note("\r\u{1B}[K\(line)")
            isOpen = true
        } else {
            output.note(line)
        }
    }

    /// Ends the line on a terminal.
    mutating func finish() {
        if isOpen { output.program.note("\r\u{1B}[K") }
        isOpen = false
    }

    private func line(_ done: Int, _ now: Duration) -> String {
        let seconds = max(0.001, (now - started).seconds)
        let rate = Double(done) / seconds
        var text = "\(done) \(what), \(Int(rate))/s"
        guard let total, total > done, rate > 0 else { return text }
        text += ", \(done * 100 / total) % of about \(total), \(Self.duration(Double(total - done) / rate)) left"
        return text
    }

    private static func duration(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 1e9))
        return seconds < 120 ? "\(seconds) s" : seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
    }
}
