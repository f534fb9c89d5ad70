import AsyncPrimitives
import CommandLineOptions
import TextCoding

/// All that `--replay` is started with.
package struct ReplaySettings: Sendable {
    package var filter: ReplayFilter
    package var isDryRun: Bool
    package var onlyRejected: Bool
    /// What the provider may be paid for, in tokens; nil without a limit.
    package var budget: Int?
    package var price: EmbeddingPrice?
    /// Events a second.
    package var rate: Int
    /// While so many messages are in the queue, none is sent; nil never waits.
    package var queueDepth: Int?
    package var resumes: Bool
    package var lane = Lane.replay
    package var startAfter: String?
    /// The prefix and the choice as they were written: what a checkpoint belongs to.
    package var name: String

    /// Nil where there is no `--replay`; what is wrong goes into the reader.
    package init?(_ reader: inout SettingsReader, _ common: CommonConfiguration) {
        let url = reader.read(Settings.replay)
        let flags = Flags(&reader)
        guard !url.isEmpty else {
            for flag in flags.set { reader.problem("\(flag) goes with --replay") }
            return nil
        }
        guard let target = ObjectAddress(url) else {
            reader.problem("--replay is not a valid s3://bucket/prefix: \"\(url)\"")
            return nil
        }
        filter = ReplayFilter(target: target)
        filter.since = TimeSelection(&reader, Settings.since)
        filter.until = TimeSelection(&reader, Settings.until)
        filter.suffixes = flags.suffix.split(separator: ",").map { $0.trimmed.lowercased() }.filter { !$0.isEmpty }
        (filter.includesUnchanged, filter.rebuilds) = (flags.unchanged || flags.force, flags.force)
        (isDryRun, onlyRejected, resumes) = (flags.dryRun, flags.onlyRejected, flags.resume)
        (rate, startAfter) = (flags.rate, flags.startAfter.isEmpty ? nil : flags.startAfter)
        queueDepth = flags.queueDepth == 0 ? nil : flags.queueDepth
        price = EmbeddingPrices(&reader)[common.model]
        if flags.batch { (lane, price) = (.batch, price?.times(OpenAIBatches.priceShare)) }
        budget = flags.maximumTokens == 0 ? nil : flags.maximumTokens
        name = ([common.names.chunks, url] + flags.chosen).joined(separator: " ")
        if let dollars = Self.dollars(flags, &reader, price) { budget = min(budget ?? .max, dollars) }
        if onlyRejected, !flags.forListing.isEmpty || budget != nil {
            reader.problem(
                "--only-rejected goes through the ledger and not through a listing: it takes --dry-run, --rate, --suffix and --queue-depth only"
            )
        }
        if resumes, startAfter != nil { reader.problem("--resume and --start-after: one of them") }
        if resumes, isDryRun { reader.problem("--resume and --dry-run: a dry run leaves nothing to go on from") }
    }

    /// Tokens that `--max-usd` pays for.
    private static func dollars(_ flags: Flags, _ reader: inout SettingsReader, _ price: EmbeddingPrice?) -> Int? {
        guard !flags.maximumDollars.isEmpty else { return nil }
        guard let dollars = Double(flags.maximumDollars.trimmed), dollars.isFinite, (0...1e9).contains(dollars) else {
            reader.problem("--max-usd is not an amount of US dollars: \"\(flags.maximumDollars)\"")
            return nil
        }
        guard let price else {
            reader.problem("--max-usd needs a price: set EMBEDDING_PRICE to the dollars that a million tokens cost")
            return nil
        }
        guard price.dollarsPerMillionTokens > 0 else { return nil }
        return Int(min(dollars / price.dollarsPerMillionTokens * 1_000_000, 1e15))
    }
}

/// The flags as they were written.
private struct Flags {
    let (dryRun, onlyRejected, unchanged, force, resume, batch): (Bool, Bool, Bool, Bool, Bool, Bool)
    let (since, until, suffix, maximumDollars, startAfter): (String, String, String, String, String)
    let (maximumTokens, rate, queueDepth): (Int, Int, Int)

    init(_ reader: inout SettingsReader) {
        dryRun = reader.read(Settings.dryRun)
        onlyRejected = reader.read(Settings.onlyRejected)
        unchanged = reader.read(Settings.unchanged)
        force = reader.read(Settings.force)
        resume = reader.read(Settings.resume)
        batch = reader.read(Settings.batch)
        since = reader.read(Settings.since)
        until = reader.read(Settings.until)
        suffix = reader.read(Settings.suffix)
        maximumDollars = reader.read(Settings.maximumDollars)
        startAfter = reader.read(Settings.startAfter)
        maximumTokens = reader.read(Settings.maximumTokens)
        rate = reader.read(Settings.replayRate)
        queueDepth = reader.read(Settings.queueDepth)
    }

    /// Those that choose among the objects of a listing, with their values.
    var forListing: [String] {
        [
            (unchanged, "--unchanged"), (force, "--force"), (!since.isEmpty, "--since \(since)"),
            (!until.isEmpty, "--until \(until)"), (!startAfter.isEmpty, "--start-after"), (resume, "--resume"),
        ].filter(\.0).map(\.1)
    }

    /// What makes it another replay.
    var chosen: [String] {
        forListing.filter { $0 != "--resume" && $0 != "--start-after" } + (suffix.isEmpty ? [] : ["--suffix \(suffix)"])
    }

    var set: [String] {
        forListing.compactMap { $0.split(separator: " ").first.map(String.init) }
            + [
                (dryRun, "--dry-run"), (batch, "--batch"), (onlyRejected, "--only-rejected"),
                (!suffix.isEmpty, "--suffix"),
                (!maximumDollars.isEmpty, "--max-usd"), (maximumTokens > 0, "--max-tokens"),
            ].filter(\.0).map(\.1)
    }
}
