import AsyncPrimitives
import TextCoding

/// Structured logging in swift-log's terms: levels, a message, metadata. Never document text, never secrets.
package struct Log: Sendable {
    package enum Level: String, Sendable, CaseIterable, Comparable {
        case trace, debug, info, notice, warning, error, critical

        package static func < (left: Level, right: Level) -> Bool {
            Level.allCases.firstIndex(of: left)! < Level.allCases.firstIndex(of: right)!
        }
    }

    package typealias Metadata = [String: String]

    package var label: String
    package var level: Level
    package var metadata: Metadata = [:]
    private let sink: any LogSink
    private let time: any TimeSource

    package init(label: String, level: Level, sink: any LogSink, time: any TimeSource) {
        self.label = label
        self.level = level
        self.sink = sink
        self.time = time
    }

    /// The same log with more metadata on every line.
    package func with(_ metadata: Metadata) -> Log {
        var log = self
        log.metadata.merge(metadata) { $1 }
        return log
    }

    package func log(_ level: Level, _ message: String, _ metadata: Metadata = [:]) {
        guard level >= self.level else { return }
        let all = self.metadata.merging(metadata) { $1 }.sorted { $0.key < $1.key }
        var line = LogLine(time: time.now, level: level, label: label, message: message, metadata: all)
        line.context = Tracer.current
        sink.write(line)
    }

    /// A line for a reader that takes this form only, such as CloudWatch's embedded metrics.
    package func raw(_ line: [UInt8]) { sink.write(raw: line) }

    /// Lines that were lost since the start.
    package var droppedLines: Int { sink.dropped }

    package func debug(_ message: String, _ metadata: Metadata = [:]) { log(.debug, message, metadata) }
    package func info(_ message: String, _ metadata: Metadata = [:]) { log(.info, message, metadata) }
    package func notice(_ message: String, _ metadata: Metadata = [:]) { log(.notice, message, metadata) }
    package func warning(_ message: String, _ metadata: Metadata = [:]) { log(.warning, message, metadata) }
    package func error(_ message: String, _ metadata: Metadata = [:]) { log(.error, message, metadata) }
}

/// A line in the log data model of OpenTelemetry: timestamp, severity, body, trace and attributes ("Logs data model").
package struct LogLine: Sendable {
    package var time: Timestamp
    package var level: Log.Level
    package var label: String
    package var message: String
    package var metadata: [(key: String, value: String)]
    /// What the line was written in.
    package var context: SpanContext?

    package init(
        time: Timestamp,
        level: Log.Level,
        label: String,
        message: String,
        metadata: [(key: String, value: String)]
    ) {
        (self.time, self.level, self.label, self.message, self.metadata) = (time, level, label, message, metadata)
    }

    /// Attributes that hold whole numbers: a reader sums and compares them.
    private static let numbers: Set<String> = [
        "receive_count", "generation", "chunks", "pages", "tokens", "bytes", "characters", "objects", "texts", "lines",
        "deleted", "quality_percent", "landlock",
    ]

    private static func isNumber(_ key: String) -> Bool { numbers.contains(key) || key.hasSuffix("_ms") }

    /// The awslogs driver splits lines above 16 KiB, which breaks JSON: values are cut to stay below.
    private static let maximumValue = 2048

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { json in
            json.field("timestamp", time.iso8601)
            json.field("severity_text", level.rawValue.uppercased())
            json.field("severity_number", level.severityNumber)
            json.field("service.name", label)
            json.field("body", cut(message))
            if let context {
                json.field("trace_id", context.traceID)
                if context.span != 0 { json.field("span_id", context.spanID) }
            }
            if !metadata.isEmpty {
                json.object("attributes") { json in
                    for (key, value) in metadata {
                        if Self.isNumber(key), let number = Int(value) {
                            json.field(key, number)
                        } else {
                            json.field(key, cut(value))
                        }
                    }
                }
            }
        }
        writer.newline()
        return writer.bytes
    }

    package var text: [UInt8] {
        let trace = context.map { " trace_id=\($0.traceID)" } ?? ""
        let values = metadata.map { " \($0.key)=\(cut($0.value))" }.joined() + trace
        let line = "\(time.iso8601) \(level.rawValue) \(label): \(cut(message))\(values)"
        return Array((line + "\n").utf8)
    }

    private func cut(_ value: String) -> String {
        let value = KnownSecrets.shared.masked(value).printable
        return value.utf8.count <= Self.maximumValue ? value : String(value.prefix(Self.maximumValue / 4)) + "…"
    }
}

/// Where lines go.
package protocol LogSink: Sendable {
    func write(_ line: LogLine)
    /// A line that is written as it is.
    func write(raw line: [UInt8])
    /// Lines that were lost since the start.
    var dropped: Int { get }
}

extension LogSink {
    package func write(raw line: [UInt8]) {}
    package var dropped: Int { 0 }
}

extension Log.Level {
    /// OpenTelemetry's ("Logs data model", SeverityNumber): `notice` is INFO3.
    var severityNumber: Int {
        switch self {
        case .trace: 1
        case .debug: 5
        case .info: 9
        case .notice: 11
        case .warning: 13
        case .error: 17
        case .critical: 21
        }
    }
}
