import AsyncPrimitives

/// The secret values that this process has, which nothing that it writes may hold: a server may repeat what it was sent.
///
/// One for the process, as are its standard error and its environment.
package final class KnownSecrets: Sendable {
    package static let shared = KnownSecrets()

    private static let mask = "***"
    /// Shorter ones would mask ordinary words.
    private static let shortest = 6
    /// Session tokens come one after the other.
    private static let maximum = 64
    private let values = LockedValue([String]())

    package init() {}

    package func add(_ secret: String) {
        guard secret.utf8.count >= Self.shortest else { return }
        values.withLock { values in
            guard !values.contains(where: { $0.utf8.elementsEqual(secret.utf8) }) else { return }
            if values.count == Self.maximum { values.removeFirst() }
            values.append(secret)
        }
    }

    package func masked(_ text: String) -> String {
        values.withLock(\.self).reduce(text) { text, secret in
            text.contains(secret) ? text.replacing(secret, with: Self.mask) : text
        }
    }
}
