import AsyncPrimitives

/// Spreads requests over time so that an account's limits hold.
package protocol RequestBudget: Sendable {
    /// Returns when a request of so many tokens may be sent.
    func take(tokens: Int) async throws
    /// What a response says of the account.
    func learn(_ limits: AccountLimits)
    /// The provider has refused a request for its rate, and takes none for so long.
    func pause(for duration: Duration)
    var limits: AccountLimits { get }
}

/// Where the fleet's allowance is kept.
package protocol AllowanceStore: Sendable {
    /// Nil where there is none yet.
    func read() async throws -> StoredAllowance?
    /// Nil where another worker wrote first.
    func write(_ allowance: Allowance, replacing: StoredAllowance?) async throws -> StoredAllowance?
}

package struct StoredAllowance: Sendable {
    package var allowance: Allowance
    /// The index's sequence number and primary term of it.
    package var sequenceNumber: Int
    package var primaryTerm: Int

    package init(_ allowance: Allowance, sequenceNumber: Int, primaryTerm: Int) {
        self.allowance = allowance
        self.sequenceNumber = sequenceNumber
        self.primaryTerm = primaryTerm
    }
}
