import AsyncPrimitives
import CommandLineOptions
import IngestCore

/// How fast a command sends, and whether it does.
struct Pacing: Sendable {
    static let dryRun = Setting.toggle("DRY_RUN", "only say what would be done").asFlagOnly
    static let rate = Setting.number("RATE", "n", "maximum events a second", default: 100, in: 1...10_000).asFlagOnly

    let isDryRun: Bool
    private let rate: Int

    init(_ reader: inout SettingsReader) { (isDryRun, rate) = (reader.read(Self.dryRun), reader.read(Self.rate)) }

    func pace(_ time: any TimeSource) -> Pace { Pace(rate: rate, time: time) }
}
