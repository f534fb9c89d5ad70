/// What a replay has done so far, or would do.
package struct ReplayResult: Equatable, Sendable {
    /// Objects that were chosen, and their bytes.
    package var objects = 0
    package var bytes = 0
    /// Of them, those that the ledger has as they are.
    package var unchanged = 0
    package var events = 0
    /// Documents that would be rejected, as far as they were read.
    package var rejected = 0
    /// Of the documents that were read: in a dry run, or for a budget.
    package var cost = ChangeForecast.Cost()
    /// The object that the budget does not pay for any more.
    package var stoppedBefore: String?

    package init() {}

    /// - Parameter tokensPerMinute: what the provider grants; nil where it is not known.
    package func text(_ settings: ReplaySettings, tokensPerMinute: Int?) -> String {
        let size = settings.onlyRejected ? "rejected documents" : "\(bytes) bytes"
        let done = settings.isDryRun ? "would send" : "sent"
        var lines = ["\(done) \(events) events for \(size)"]
        if !settings.onlyRejected { lines[0] += " in \(objects) objects, \(unchanged) of them unchanged" }
        if settings.isDryRun, !settings.onlyRejected { lines += costs(settings, tokensPerMinute) }
        if let stoppedBefore {
            lines.append(
                "stopped before \(stoppedBefore): the budget is \(settings.budget ?? 0) tokens. Run it again with a larger one and --resume to go on"
            )
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func costs(_ settings: ReplaySettings, _ tokensPerMinute: Int?) -> [String] {
        let share = cost.tokens > 0 ? 100 * cost.reusedTokens / cost.tokens : 0
        var price = "\(cost.paidTokens) tokens to pay for"
        if let dollars = settings.price?.dollars(tokens: cost.paidTokens) {
            price += ", \(Self.dollars(dollars)) US dollars"
        }
        if let tokensPerMinute {
            let minutes = (cost.paidTokens + tokensPerMinute - 1) / tokensPerMinute
            price += ", \(minutes) min at \(tokensPerMinute) tokens a minute"
        }
        return [
            "\(cost.pages) pages, \(cost.chunks) chunks, \(cost.tokens) tokens, \(share) % of them of texts that have vectors; \(rejected) documents would be rejected",
            price,
        ]
    }

    /// Four digits behind the point.
    private static func dollars(_ amount: Double) -> String {
        let units = Int((min(amount, 1e12) * 10_000).rounded())
        return "\(units / 10_000).\(String(units % 10_000 + 10_000).dropFirst())"
    }
}
