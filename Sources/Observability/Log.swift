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
        sink.write(LogLine(time: time.now, level: level, label: label, message: message, metadata: all))
    }

    package func debug(_ message: String, _ metadata: Metadata = [:]) { log(.debug, message, metadata) }
    package func info(_ message: String, _ metadata: Metadata = [:]) { log(.info, message, metadata) }
    package func notice(_ message: String, _ metadata: Metadata = [:]) { log(.notice, message, metadata) }
    package func warning(_ message: String, _ metadata: Metadata = [:]) { log(.warning, message, metadata) }
    package func error(_ message: String, _ metadata: Metadata = [:]) { log(.error, message, metadata) }
}

package struct LogLine: Sendable {
    package var time: Timestamp
    package var level: Log.Level
    package var label: String
    package var message: String
    package var metadata: [(key: String, value: String)]

    /// The awslogs driver splits lines above 16 KiB, which breaks JSON: values are cut to stay below.
    private static let maximumValue = 2048

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { json in
            json.field("time", time.iso8601)
            json.field("level", level.rawValue)
            json.field("label", label)
            json.field("message", cut(message))
            if !metadata.isEmpty {
                json.object("metadata") { for (key, value) in metadata { $0.field(key, cut(value)) } }
            }
        }
        writer.newline()
        return writer.bytes
    }

    package var text: [UInt8] {
        let values = metadata.map { " \($0.key)=\(cut($0.value))" }.joined()
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
}
