import ExtractionWire

/// What a failure means for the work at hand. There are four kinds, and each has one fate.
package enum Failure: Error, Sendable {
    /// The same call may succeed later: retried inside a budget, then left to the queue.
    case transient(String)
    /// As `transient`, and the server asked for less; `after` is its own wish.
    case throttled(String, after: Duration?)
    /// This document, for good.
    case document(Rejection)
    /// Nothing will succeed until somebody mends the surroundings: credentials, quota, a queue, an index. Work pauses.
    case fleet(String)

    /// How a failure reads in a log line.
    package var summary: String {
        switch self {
        case .transient(let text), .throttled(let text, _), .fleet(let text): text
        case .document(let rejection): "\(rejection.code.name): \(rejection.detail)"
        }
    }

    /// Time may mend it.
    package var isPassing: Bool {
        switch self {
        case .transient, .throttled: true
        case .document, .fleet: false
        }
    }

    package var kind: String {
        switch self {
        case .transient: "transient"
        case .throttled: "throttled"
        case .document: "document"
        case .fleet: "fleet"
        }
    }
}

/// An error that knows its kind.
package protocol ClassifiedError: Error {
    var failure: Failure { get }
}

extension Failure: ClassifiedError {
    package var failure: Failure { self }
}

extension HTTPError: ClassifiedError {
    package var failure: Failure {
        switch kind {
        case .timeout, .unreachable, .broken, .bodyTooLarge, .sink: .transient(description)
        case .untrusted, .invalidRequest: .fleet(description)
        }
    }
}

extension HTTPError {
    /// What it means once retries are over, told of the server: one that nobody can reach is everybody's trouble and no document's.
    func final(_ server: String, setting: String) -> Failure {
        switch kind {
        case .unreachable: .fleet("\(server) cannot be reached: \(description) (\(setting))")
        case .untrusted, .invalidRequest: .fleet("\(server): \(description) (\(setting))")
        case .timeout, .broken, .bodyTooLarge, .sink: .transient("\(server): \(description)")
        }
    }
}

extension Failure {
    /// The kind of any error; what nobody classified counts as transient, so that it ends in the dead-letter queue and not in a loop.
    package init(_ error: any Error) {
        if let error = error as? any ClassifiedError {
            self = error.failure
        } else if let rejection = error as? Rejection {
            self = .document(rejection)
        } else if let refused = error as? RefusedObject {
            self = .document(refused.rejection)
        } else {
            self = .transient("\(error)")
        }
    }
}
