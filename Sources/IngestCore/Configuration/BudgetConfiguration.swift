import CommandLineOptions
import Observability

/// How the workers share the limits of the provider's account.
package struct BudgetConfiguration: Sendable {
    /// Nil where each worker has only its own requests in view.
    package var sharing: FleetBudget.Sharing?
    package var limits: AccountLimits
    /// What shares the limits.
    package var account: String

    package init(_ reader: inout SettingsReader, _ provider: OpenAIEmbedder.Settings) {
        func limit(_ setting: Setting<Int>) -> Int? { reader.read(setting).nonzero }
        sharing = FleetBudget.Sharing(rawValue: reader.read(Settings.budgetSharing))
        limits = AccountLimits(
            tokensPerMinute: limit(Settings.tokensPerMinute),
            requestsPerMinute: limit(Settings.requestsPerMinute)
        )
        account = [reader.read(Settings.account), "\(provider.endpoint)", provider.model].joined(separator: "\n")
    }

    package func budget(_ services: Services) -> FleetBudget? {
        sharing.map {
            FleetBudget(
                $0,
                limits: limits,
                store: OpenSearchAllowances(account: account, client: services.openSearch),
                worker: services.random.workerName(),
                environment: FleetBudget.Environment(time: services.time, random: services.random, log: services.log)
            )
        }
    }
}

extension Int {
    fileprivate var nonzero: Int? { self == 0 ? nil : self }
}
