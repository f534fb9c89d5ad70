import AsyncPrimitives
import TextCoding

/// How far a long command is: a line that is written over on a terminal, a line every ten seconds elsewhere.
package struct ProgressMeter: Sendable {
    private let program: Program
    private let isQuiet: Bool
    private let time: any TimeSource
    private let what: String
    /// How many there are, about; nil where that is not known.
    private let total: Int?
    private let started: Duration
    private var shown: Duration
    private var isOpen = false
    private static let barWidth = 24

    package init(_ program: Program, isQuiet: Bool = false, _ time: any TimeSource, _ what: String, total: Int? = nil) {
        self.program = program
        self.isQuiet = isQuiet
        self.time = time
        self.what = what
        self.total = total
        started = time.uptime
        shown = started
    }

    /// - Parameter detail: what else is worth knowing.
    package mutating func update(_ done: Int, _ detail: String = "") {
        guard !isQuiet else { return }
        let now = time.uptime
        let isTerminal = Program.isErrorTerminal
        guard now - shown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        shown = now
        let line = line(done, now) + (detail.isEmpty ? "" : ", \(detail)")
        if isTerminal {
            program.note("\r\u{1B}[K\(bar(done))\(line)")
            isOpen = true
        } else {
            program.note("\(program.name): \(line.printable)\n")
        }
    }

    /// Ends the line on a terminal.
    package mutating func finish() {
        if isOpen { program.note("\r\u{1B}[K") }
        isOpen = false
    }

    private func bar(_ done: Int) -> String {
        guard let total, total > 0 else { return "" }
        let full = min(Self.barWidth, done * Self.barWidth / total)
        return "[" + String(repeating: "=", count: full) + String(repeating: " ", count: Self.barWidth - full) + "] "
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
