/// A service's refusal: its own code, what was asked of what, and what that means.
package struct AWSError: ClassifiedError, CustomStringConvertible {
    package var service: String
    package var operation: String
    /// The thing it was about: a queue, a bucket, an object.
    package var resource: String
    package var status: Int
    /// As the service spells it, without namespace.
    package var code: String
    package var message: String
    /// The server's clock, from its Date header: over SQS only that tells a wrong clock from a wrong secret.
    package var retryAfter: Duration?

    package var description: String {
        "\(service) \(operation) of \(resource): \(code.isEmpty ? "status \(status)" : code)\(message.isEmpty ? "" : ": \(message)")"
    }

    /// botocore's and the SDKs' lists (retries/standard.py).
    private static let throttling: Set<String> = [
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException", "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", "KmsThrottled",
        "OverLimit",
    ]
    private static let transient: Set<String> = [
        "RequestTimeout", "RequestTimeoutException", "InternalError", "ServiceUnavailable",
    ]
    /// The credentials are not, or no longer, the server's: fresh ones may be.
    private static let staleCredentials: Set<String> = [
        "ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException",
        "InvalidAccessKeyId",
    ]

    package var isStaleCredentials: Bool { Self.staleCredentials.contains(code) }

    package var failure: Failure {
        if Self.throttling.contains(code) || status == 429 { return .throttled(description, after: retryAfter) }
        if status >= 500 || Self.transient.contains(code) { return .transient(description) }
        return .fleet(description)
    }
}
