import AsyncPrimitives
import ExtractionWire
import HTTPTransport

/// What a failure means for the work at hand. There are four kinds, and each has one outcome.
///
/// What one message, object or text was refused is about that one, whatever the status code, until something independent says otherwise:
/// `CircuitBreakers` decides from a probe of the fleet's own whether a dependency is unavailable.
package enum Failure: Error, Equatable, Sendable {
    /// The same call may succeed later: retried inside a budget.
    case transient(String, of: Dependency? = nil)
    /// As `transient`, and the server throttled the request; `after` is its Retry-After.
    case throttled(String, after: Duration?, of: Dependency? = nil)
    /// This document: the same bytes fail again under the same settings.
    case document(Rejection)
    /// A retry does not help until an operator changes something: credentials, quota, a queue, an index.
    case fleet(String, of: Dependency = .host)

    /// How a failure reads in a log line.
    package var summary: String {
        switch self {
        case .transient(let text, _), .throttled(let text, _, _), .fleet(let text, _): text
        case .document(let rejection): "\(rejection.code.name): \(rejection.detail)"
        }
    }

    /// What failed; nil where it is the work itself.
    package var dependency: Dependency? {
        switch self {
        case .transient(_, let dependency), .throttled(_, _, let dependency): dependency
        case .fleet(_, let dependency): dependency
        case .document: nil
        }
    }

    /// The server's Retry-After.
    package var retryAfter: Duration? { if case .throttled(_, let after, _) = self { after } else { nil } }

    /// Time alone may end it.
    package var isRetryable: Bool {
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

    /// The same failure, of `dependency` where none was named.
    package func of(_ dependency: Dependency) -> Failure {
        switch self {
        case .transient(let text, nil): .transient(text, of: dependency)
        case .throttled(let text, let after, nil): .throttled(text, after: after, of: dependency)
        case .fleet(let text, .host): .fleet(text, of: dependency)
        default: self
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

extension Rejection: ClassifiedError {
    package var failure: Failure { .document(self) }
}

extension TimeLimitExceeded: ClassifiedError {
    package var failure: Failure { .transient(description) }
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
    /// What it means for `dependency` once retries are over.
    package func final(_ server: String, setting: String, of dependency: Dependency) -> Failure {
        switch kind {
        case .unreachable: .fleet("\(server) cannot be reached: \(description) (\(setting))", of: dependency)
        case .untrusted, .invalidRequest: .fleet("\(server): \(description) (\(setting))", of: dependency)
        case .timeout, .broken, .bodyTooLarge, .sink: .transient("\(server): \(description)", of: dependency)
        }
    }
}

extension Failure {
    /// The kind of any error. An unclassified error counts as transient, so that it ends in the dead-letter queue and not in a loop.
    package init(_ error: any Error) {
        if let error = error as? any ClassifiedError {
            self = error.failure
        } else {
            self = .transient("\(error)")
        }
    }
}
