import AsyncPrimitives
import HTTPTransport
import Resilience

/// Signs, sends and retries calls to one AWS service.
package struct AWSClient: Sendable {
    package var signed: SignedClient
    package var retrying: Retrying

    package init(_ signed: SignedClient, retrying: Retrying) {
        self.signed = signed
        self.retrying = retrying
    }

    package var region: String { signed.signer.region }

    /// Sends `request`, freshly signed for each attempt.
    ///
    /// - Parameters:
    ///   - dependency: what is in doubt when there is no response.
    ///   - isLongPoll: see `Retrying.run`.
    ///   - check: throws the error of an unsuccessful response.
    package func send(
        _ request: HTTPRequest,
        of dependency: Dependency,
        isLongPoll: Bool = false,
        check: (HTTPResponse, SignatureRejection?) throws -> Void
    ) async throws -> HTTPResponse {
        do {
            return try await retrying.run(isLongPoll: isLongPoll) { attempt in
                var request = request
                let count = "attempt=\(attempt); max=\(retrying.policy.maximumAttempts)"
                request.headers.append(("amz-sdk-request", count))
                let (response, signatureRejection) = try await signed.execute(request)
                if !response.isSuccess { try check(response, signatureRejection) }
                return response
            }
            // A sink reaches the caller, who knows why it refused.
        } catch let error as HTTPError where error.kind != .sink && error.kind != .bodyTooLarge {
            throw error.final(
                signed.signer.service.uppercased(),
                setting: "AWS_REGION, AWS_ENDPOINT_URL",
                of: dependency
            )
        } catch let error as CredentialError {
            throw error.failure.of(dependency)
        } catch let failure as Failure {
            // The credentials' own failures: without credentials the service cannot be used.
            throw failure.of(dependency)
        }
    }
}
