/// What must hold, whatever goes wrong.
enum Invariant: String, CaseIterable, Sendable {
    /// At every step, the ledger's live generation of each document is wholly in the index: a reader that keeps to it sees one version.
    case complete
    /// No event is deleted before what it asks for is durable in the next place.
    case durable
    /// In the end the index holds exactly the live generations, with the vectors of their texts.
    case exact
    /// In the end the live generations are the bucket's, or the bucket's were rejected; nothing is lost, nothing waits.
    case converged
    /// No text is embedded twice for one generation, unless a crash, a lost answer, a lost lease or a doubled message interrupted.
    case paidOnce = "paid-once"
    /// Without a fault, a message in flight is not delivered again.
    case leases
    /// Never more jobs than the limit, never more received than there is room for.
    case bounded
    /// A message is not touched after it was deleted.
    case handles
    /// Hand-over objects live as long as their message may need them, and no longer, unless their writer ended before it was sent.
    case handoffs = "hand-overs"
    /// The dead-letter queues hold the documents that cannot be indexed, and nothing else.
    case deadLetters = "dead-letters"
    /// Readers see no pipeline that is not whole, and none that is gone.
    case readers
    /// After SIGTERM a worker ends within its grace period, and what it held can be received at once.
    case stops
}

struct Violation: Sendable {
    var invariant: Invariant
    var text: String
    var document: String
}
