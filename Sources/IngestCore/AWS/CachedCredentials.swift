import AsyncPrimitives
import Observability

/// Keeps credentials and renews them ahead of their end, one fetch at a time. A failure is never kept.
package final class CachedCredentials: CredentialProvider {
    /// From 15 minutes before the end a failed renewal is only noted; in the last 10 minutes (or the last third of short ones) it counts.
    private static let advisory = Duration.seconds(15 * 60)
    private static let mandatory = Duration.seconds(10 * 60)

    private enum State {
        case idle
        case fetching(waiting: [Promise<Credentials>])
    }

    private struct Cache {
        var value: Credentials?
        var lifetime = Duration.zero
        var state = State.idle
    }

    private enum Step {
        case use(Credentials)
        case fetch(fallback: Credentials?)
        case wait(Promise<Credentials>)
    }

    private let source: any CredentialProvider
    private let time: any TimeSource
    private let cache = LockedValue(Cache())

    package init(_ source: any CredentialProvider, time: any TimeSource) {
        self.source = source
        self.time = time
    }

    package func credentials() async throws -> Credentials {
        while true {
            switch nextStep() {
            case .use(let credentials): return credentials
            case .fetch(let fallback): return try await fetch(fallback)
            case .wait(let promise):
                do {
                    return try await promise.value()
                } catch is CancellationError where !Task.isCancelled {
                    continue  // the fetching task was cancelled, not this caller
                }
            }
        }
    }

    /// Forgets the credentials: the server called them expired or unknown.
    package func invalidate(_ refused: Credentials) {
        cache.withLock { if $0.value == refused { $0.value = nil } }
    }

    private func nextStep() -> Step {
        cache.withLock { cache in
            let isUsable: Bool
            if let value = cache.value {
                guard let expiration = value.expiration else { return .use(value) }
                let left = expiration.duration(since: time.now)
                if left > min(Self.advisory, cache.lifetime / 2) { return .use(value) }
                isUsable = left > min(Self.mandatory, cache.lifetime / 3)
            } else {
                isUsable = false
            }
            let fallback = isUsable ? cache.value : nil
            switch cache.state {
            case .idle:
                cache.state = .fetching(waiting: [])
                return .fetch(fallback: fallback)
            case .fetching(let waiting):
                if let fallback { return .use(fallback) }
                let promise = Promise<Credentials>()
                cache.state = .fetching(waiting: waiting + [promise])
                return .wait(promise)
            }
        }
    }

    private func fetch(_ fallback: Credentials?) async throws -> Credentials {
        do {
            let fresh = try await source.credentials()
            settle(.success(fresh))
            return fresh
        } catch {
            settle(fallback.map { .success($0) } ?? .failure(error))
            if let fallback, !(error is CancellationError) { return fallback }
            throw error
        }
    }

    private func settle(_ result: Result<Credentials, any Error>) {
        let waiting = cache.withLock { cache in
            if case .success(let fresh) = result, fresh != cache.value {
                cache.value = fresh
                KnownSecrets.shared.add(fresh.secretAccessKey)
                if let token = fresh.sessionToken { KnownSecrets.shared.add(token) }
                cache.lifetime = fresh.expiration.map { $0.duration(since: time.now) } ?? .zero
            }
            defer { cache.state = .idle }
            if case .fetching(let waiting) = cache.state { return waiting }
            return []
        }
        for promise in waiting { promise.fulfil(result) }
    }
}
