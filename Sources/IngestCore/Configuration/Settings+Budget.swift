import CommandLineOptions

/// What embedding may cost: the provider's limits, and its price.
extension Settings {
    package static let budgetSharing = Setting.choice(
        "EMBEDDING_BUDGET",
        ["lease", "share", "process"],
        "how workers share the account's limits: each leases what it needs of a record in the cluster, each has an equal share, or each knows only its own requests",
        default: "lease"
    )
    package static let tokensPerMinute = Setting.number(
        "EMBEDDING_TOKENS_PER_MINUTE",
        "n",
        "the account's limit; 0 takes it from the provider's `x-ratelimit-limit-tokens` header, and sets none where there is no such header",
        default: 0,
        in: 0...1 << 40
    )
    package static let requestsPerMinute = Setting.number(
        "EMBEDDING_REQUESTS_PER_MINUTE",
        "n",
        "the account's limit; 0 takes it from the provider's `x-ratelimit-limit-requests` header, and sets none where there is no such header",
        default: 0,
        in: 0...1 << 40
    )
    package static let account = Setting.text(
        "EMBEDDING_ACCOUNT",
        "name",
        "tells accounts of one provider apart: workers with the same name, provider address and model share its limits",
        default: ""
    )
    package static let price = Setting.text(
        "EMBEDDING_PRICE",
        "dollars",
        "price of the model in US dollars a million tokens, or a table of prices by model: `text-embedding-3-small=0.02,voyage-3.5=0.06`; a model without one has its list price",
        default: ""
    )
    package static let batchWait = Setting.number(
        "EMBEDDING_BATCH_WAIT_SECONDS",
        "s",
        "how long documents of `--replay --batch` wait for others before a batch is made of them",
        default: 600,
        in: 1...86_400
    )

    package static let budget: [SettingDeclaration] = [
        budgetSharing.declaration, tokensPerMinute.declaration, requestsPerMinute.declaration, account.declaration,
        price.declaration, batchWait.declaration,
    ]
}
