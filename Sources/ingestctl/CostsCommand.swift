import AsyncPrimitives
import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl costs`: what was embedded and paid, by day, by tenant or by both.
struct CostsCommand: Command {
    static let declaration = CommandDeclaration(
        name: "costs",
        summary: "show what was embedded and paid by day and tenant: versions, chunks, tokens, US dollars",
        settings: [
            CommandContext.pipelineSetting.declaration, since.declaration, until.declaration, grouping.declaration,
        ],
        example: "costs --since 30d --by tenant",
        json: ["costs": "day? tenant? versions chunks tokens dollars", "total": "versions chunks tokens dollars"]
    )

    private static let since = Setting.text("SINCE", "time", "the first day (UTC)", default: "30d").asFlagOnly
    private static let until = Setting.text("UNTIL", "time", "the last day; if unset, today", default: "").asFlagOnly
    private static let grouping = Setting.choice(
        "BY",
        ["day", "tenant", "both"],
        "what a line is about",
        default: "day"
    ).asFlagOnly
    /// A request for each day.
    private static let mostDays = 400

    private let since: TimeSelection?
    private let until: TimeSelection?
    private let grouping: String

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        since = TimeSelection(&reader, Self.since)
        until = TimeSelection(&reader, Self.until)
        grouping = reader.read(Self.grouping)
    }

    private struct Line: Hashable {
        var day: String?
        var tenant: String?
    }

    private struct Sum {
        var versions = 0
        var chunks = 0
        var spend = EmbeddingSpend()

        mutating func add(_ total: UsageRecords.Total) {
            versions += total.versions
            chunks += total.chunks
            spend += total.spend
        }

        var fields: [String] { ["\(versions)", "\(chunks)", "\(spend.tokens)", Dollars.text(spend.dollars)] }

        func write(_ json: inout JSONWriter) {
            json.field("versions", versions)
            json.field("chunks", chunks)
            json.field("tokens", spend.tokens)
            json.key("dollars")
            json.number(spend.dollars)
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let index = try await context.pipeline().index
        let records = UsageRecords(client: context.services.openSearch)
        let now = context.services.time.now
        try await records.refresh()
        var lines: [Line: Sum] = [:]
        var all = Sum()
        for day in days(now, context.output) {
            for total in try await records.totals(index: index, day: day) {
                let line = Line(
                    day: grouping == "tenant" ? nil : day,
                    tenant: grouping == "day" ? nil : total.tenant
                )
                lines[line, default: Sum()].add(total)
                all.add(total)
            }
        }
        let sorted = lines.sorted { ($0.key.day ?? "", $0.key.tenant ?? "") < ($1.key.day ?? "", $1.key.tenant ?? "") }
        for (line, sum) in sorted {
            let names = [line.day, line.tenant.map { $0.isEmpty ? "-" : $0 }].compactMap(\.self)
            context.output.item("costs", (names + sum.fields).map(\.oneLine).joined(separator: "\t")) {
                if let day = line.day { $0.field("day", day) }
                if let tenant = line.tenant { $0.field("tenant", tenant) }
                sum.write(&$0)
            }
        }
        context.output.item("total", (["total"] + all.fields).joined(separator: "\t")) { all.write(&$0) }
        return .success
    }

    private func days(_ now: Timestamp, _ output: Output) -> [String] {
        let last = min(until?.start(now) ?? now, now)
        let oldest = last.advanced(by: .seconds(-86_400 * (Self.mostDays - 1)))
        var time = since?.start(now) ?? now
        if time < oldest {
            output.note("the last \(Self.mostDays) days")
            time = oldest
        }
        var days: [String] = []
        while time.date <= last.date {
            days.append(time.date)
            time = time.advanced(by: .seconds(86_400))
        }
        return days
    }
}

enum Dollars {
    /// In whole millionths: prices of documents are small.
    static func text(_ dollars: Double) -> String {
        let millionths = Int((dollars * 1_000_000).rounded())
        return "\(millionths / 1_000_000).\(String(1_000_000 + millionths % 1_000_000).dropFirst())"
    }
}
