import AsyncPrimitives
import HTTPTransport
import IngestCore
import Resilience

/// Keys that every server of a test takes.
package struct TestKeys: CredentialProvider {
    package init() {}

    package func credentials() async throws -> Credentials { Credentials(accessKeyID: "a", secretAccessKey: "s") }
}

/// An S3 store behind `http`, which tries each call once.
package func testStore(_ http: any HTTPClient, time: any TimeSource = SystemTime()) -> S3ObjectStore {
    let signer = SigV4Signer(service: "s3", region: "us-east-1")
    let signed = SignedClient(signer: signer, http: http, credentials: TestKeys(), clock: ServerClock(), time: time)
    return S3ObjectStore(
        client: AWSClient(signed, retrying: Retrying(policy: RetryPolicy(maximumAttempts: 1), time: time)),
        endpoints: AWSEndpoints(environment: ["AWS_ENDPOINT_URL": "http://s3.test"]),
        temporaryFolder: "/tmp",
        maximumBytes: 1 << 20
    )
}

/// A queue behind `http`, which tries each call once.
package func testQueue(_ http: any HTTPClient, time: any TimeSource = SystemTime()) -> SQSQueue {
    let signer = SigV4Signer(service: "sqs", region: "us-east-1")
    let signed = SignedClient(signer: signer, http: http, credentials: TestKeys(), clock: ServerClock(), time: time)
    return SQSQueue(
        url: "http://sqs.test/1/queue",
        client: AWSClient(signed, retrying: Retrying(policy: RetryPolicy(maximumAttempts: 1), time: time)),
        endpoint: Endpoint(isSecure: false, host: "sqs.test"),
        time: time
    )
}
