import ExtractionWire
import Resilience

/// What happens to a message.
package enum Outcome: Equatable, Sendable {
    /// The work is complete: acknowledge (delete) the message.
    case done
    /// Release it for a later receive. The queue counts, and the last receive ends in a rejection.
    case retry(String, after: Duration?)
    /// Send these to the dead-letter queue with their reasons, then delete it.
    case deadLetter([DeadLetterMessage])
    /// A dependency failed. The work loop decides whether this is about the message.
    case blocked(Failure)
    /// Back into the queue as a delayed copy, which does not count as a receive: what it needs is unavailable, and others' messages go on.
    case park(String)
    /// As `park`: others' documents have their turn first.
    case postpone(String)
    /// For other workers (a newer one): back into the queue as a delayed copy.
    case leave(String)
}

extension Outcome {
    /// What a failure means for its message.
    package init(_ failure: Failure, deadLetter: (Rejection) -> DeadLetterMessage) {
        switch failure {
        case .transient(let text, nil): self = .retry(text, after: nil)
        case .throttled(let text, let after, nil): self = .retry(text, after: after)
        case .document(let rejection): self = .deadLetter([deadLetter(rejection)])
        case .transient, .throttled, .fleet: self = .blocked(failure)
        }
    }
}
