import CommandLineOptions

/// `ingest-worker --replay`: which objects, how fast, and for how much.
extension Settings {
    package static let replay = Setting.text(
        "REPLAY",
        "s3://bucket/prefix",
        "send an event for every object under a prefix that the ledger does not have as it is, then exit",
        default: ""
    ).asFlagOnly
    package static let dryRun = Setting.toggle(
        "DRY_RUN",
        "with --replay: read and cut what has changed, print what it would cost, and send nothing"
    ).asFlagOnly
    package static let onlyRejected = Setting.toggle(
        "ONLY_REJECTED",
        "with --replay: only retry documents whose newest version is rejected"
    ).asFlagOnly
    package static let since = Setting.text(
        "SINCE",
        "time",
        "with --replay: only objects modified since then: 2026-01-31T10:00:00Z, or so long ago: 90m, 24h, 7d",
        default: ""
    ).asFlagOnly
    package static let until = Setting.text(
        "UNTIL",
        "time",
        "with --replay: only objects modified before then",
        default: ""
    ).asFlagOnly
    package static let suffix = Setting.text(
        "SUFFIX",
        "list",
        "with --replay: only keys that end with one of these, such as .pdf,.docx; letters of either case",
        default: ""
    ).asFlagOnly
    package static let unchanged = Setting.toggle(
        "UNCHANGED",
        "with --replay: also objects that the ledger has with the same ETag: workers compare their tags and metadata, which no listing has"
    ).asFlagOnly
    package static let force = Setting.toggle(
        "FORCE",
        "with --replay: make a new version of every object, as if the ledger had none; vectors of equal texts are kept"
    ).asFlagOnly
    package static let batch = Setting.toggle(
        "BATCH",
        "with --replay: embed through OpenAI's batch API, at half the price and within a day; other providers embed at once"
    ).asFlagOnly
    package static let maximumTokens = Setting.number(
        "MAX_TOKENS",
        "n",
        "with --replay: stop before the document that would make the provider's tokens exceed this; 0 is no limit",
        default: 0,
        in: 0...1_000_000_000_000
    ).asFlagOnly
    package static let maximumDollars = Setting.text(
        "MAX_USD",
        "dollars",
        "with --replay: the same for dollars, by EMBEDDING_PRICE",
        default: ""
    ).asFlagOnly
    package static let replayRate = Setting.number(
        "RATE",
        "n",
        "with --replay: maximum events a second",
        default: 200,
        in: 1...10_000
    ).asFlagOnly
    package static let queueDepth = Setting.number(
        "QUEUE_DEPTH",
        "n",
        "with --replay: wait while so many messages are in the queue, so that new uploads do not wait behind a replay; 0 never waits",
        default: 1000,
        in: 0...1_000_000
    ).asFlagOnly
    package static let resume = Setting.toggle(
        "RESUME",
        "with --replay: go on where the last run with the same prefix and filters ended"
    ).asFlagOnly
    package static let startAfter = Setting.text(
        "START_AFTER",
        "key",
        "with --replay: go on after this key",
        default: ""
    ).asFlagOnly

    package static let replaying: [SettingDeclaration] = [
        replay.declaration, dryRun.declaration, onlyRejected.declaration, since.declaration, until.declaration,
        suffix.declaration, unchanged.declaration, force.declaration, batch.declaration, maximumTokens.declaration,
        maximumDollars.declaration, replayRate.declaration, queueDepth.declaration, resume.declaration,
        startAfter.declaration, price.declaration,
    ]
}
