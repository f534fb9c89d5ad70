import AsyncPrimitives
import CommandLineOptions
import TextCoding

/// A point of time as an operator writes it: `2026-01-31T10:00:00Z`, or so long ago: `90m`, `24h`, `7d`.
package enum TimeSelection: Equatable, Sendable {
    case at(Timestamp)
    case ago(Duration)

    /// Nil where the setting is not set; what cannot be read goes into the reader.
    package init?(_ reader: inout SettingsReader, _ setting: Setting<String>) {
        let text = String(reader.read(setting).trimmed)
        guard !text.isEmpty else { return nil }
        if let time = Timestamp(iso8601: text) {
            self = .at(time)
            return
        }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()),
            (0...1_000_000).contains(count)
        else {
            reader.usage(
                "\(setting.declaration.flag) is not a time: \"\(text.printable)\" (such as 2026-01-31T10:00:00Z, 90m, 24h or 7d)"
            )
            return nil
        }
        self = .ago(.seconds(count * unit))
    }

    package func start(_ now: Timestamp) -> Timestamp {
        switch self {
        case .at(let time): time
        case .ago(let duration): now.advanced(by: .zero - duration)
        }
    }
}
