import Resilience

/// A service's error: its own code, the operation and resource, and what that means.
package struct AWSError: ClassifiedError, CustomStringConvertible {
    package var service: String
    package var operation: String
    /// The thing it was about: a queue, a bucket, an object.
    package var resource: String
    /// What is in doubt when this happens.
    package var dependency: Dependency?
    package var status: Int
    /// As the service spells it, without namespace.
    package var code: String
    package var message: String
    package var retryAfter: Duration?
    package var signatureRejection: SignatureRejection?

    /// The message of a rejected signature names access keys and canonical requests: the remedy replaces it.
    package var description: String {
        var parts = [code.isEmpty ? "status \(status)" : code, signatureRejection?.remedy ?? message]
        if signatureRejection == nil, let remedy { parts.append(remedy) }
        return "\(service) \(operation) of \(resource): \(parts.filter { !$0.isEmpty }.joined(separator: ": "))"
    }

    /// The role may not do this, or the keys are none.
    package var isDenied: Bool {
        signatureRejection != nil || status == 401 || status == 403
            || ["AccessDenied", "AccessDeniedException"].contains(code)
    }

    private var remedy: String? {
        switch code {
        case "QueueDoesNotExist", "NonExistentQueue", "InvalidAddress": "no such queue (its URL, AWS_REGION)"
        case "NoSuchBucket": "no such bucket (its name, AWS_REGION)"
        case "PermanentRedirect", "AuthorizationHeaderMalformed": "the bucket is in another region (AWS_REGION)"
        case "AccessDenied", "AccessDeniedException":
            service == "S3"
                ? "the role may not; without s3:ListBucket a missing object looks like this too (deploy/iam)"
                : "the role may not, or it is not there (its URL, AWS_REGION, deploy/iam)"
        default: nil
        }
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
        if Self.throttling.contains(code) || status == 429 {
            return .throttled(description, after: retryAfter, of: dependency)
        }
        if status >= 500 || Self.transient.contains(code) { return .transient(description, of: dependency) }
        return .fleet(description, of: dependency ?? .host)
    }
}
