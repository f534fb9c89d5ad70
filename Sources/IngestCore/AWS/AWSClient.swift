/// Signs, sends and retries calls to one AWS service.
package struct AWSClient: Sendable {
    package var signer: SigV4Signer
    package var http: any HTTPClient
    package var credentials: any CredentialProvider
    package var retrying: Retrying

    package init(signer: SigV4Signer, http: any HTTPClient, credentials: any CredentialProvider, retrying: Retrying) {
        self.signer = signer
        self.http = http
        self.credentials = credentials
        self.retrying = retrying
    }

    /// Sends `request`, freshly signed for each attempt.
    ///
    /// - Parameters:
    ///   - isLongPoll: see `Retrying.run`.
    ///   - check: throws what the answer means when it is no success.
    package func send(
        _ request: HTTPRequest,
        isLongPoll: Bool = false,
        check: (HTTPResponse) throws -> Void
    ) async throws -> HTTPResponse {
        try await retrying.run(isLongPoll: isLongPoll) { attempt in
            do {
                return try await attemptOnce(request, attempt, check)
            } catch let error as AWSError where error.isStaleCredentials {
                guard let cached = credentials as? CachedCredentials else { throw error }
                cached.invalidate(try await cached.credentials())
                return try await attemptOnce(request, attempt, check)
            }
        }
    }

    private func attemptOnce(_ request: HTTPRequest, _ attempt: Int, _ check: (HTTPResponse) throws -> Void)
        async throws -> HTTPResponse
    {
        var request = request
        request.headers.append(("amz-sdk-request", "attempt=\(attempt); max=\(retrying.policy.maximumAttempts)"))
        let signed = signer.sign(request, with: try await credentials.credentials(), at: retrying.time.now)
        let response = try await http.execute(signed)
        if !response.isSuccess { try check(response) }
        return response
    }

    /// `x-amz-retry-after` in milliseconds, or `Retry-After` in seconds.
    package static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        if let value = headers["x-amz-retry-after"].flatMap(Int.init) { return .milliseconds(value) }
        return headers["retry-after"].flatMap(Int.init).map { .seconds($0) }
    }
}
