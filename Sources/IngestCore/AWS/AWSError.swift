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
    package var retryAfter: Duration?
    package var complaint: SignatureComplaint?

    /// A complaint's own message names access keys and canonical requests: the remedy stands in its place.
    package var description: String {
        let what = complaint?.remedy ?? message
        return
            "\(service) \(operation) of \(resource): \(code.isEmpty ? "status \(status)" : code)\(what.isEmpty ? "" : ": \(what)")"
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
    package var failure: Failure {
        if Self.throttling.contains(code) || status == 429 { return .throttled(description, after: retryAfter) }
        if status >= 500 || Self.transient.contains(code) { return .transient(description) }
        return .fleet(description)
    }
}
