import AsyncPrimitives
import Resilience

/// What requests are signed with. Never printed.
package struct Credentials: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String?
    /// Nil for keys that do not expire.
    package var expiration: Timestamp?

    package init(
        accessKeyID: String,
        secretAccessKey: String,
        sessionToken: String? = nil,
        expiration: Timestamp? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
    }

    package var description: String { "credentials(\(accessKeyID.prefix(4))…)" }
    package var debugDescription: String { description }
}

/// A place that credentials come from.
package protocol CredentialProvider: Sendable {
    func credentials() async throws -> Credentials
}

/// No credentials could be had.
package struct CredentialError: ClassifiedError, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }

    package var failure: Failure { .fleet("no AWS credentials: \(description)") }
}
