import HTTPTransport
import IngestCore
import Testing

@Suite struct EndpointTests {
    @Test(
        arguments: [
            ([:], "eu-west-1", "https://sqs.eu-west-1.amazonaws.com", "https://b.s3.eu-west-1.amazonaws.com", ""),
            (
                [:], "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn",
                "https://b.s3.cn-north-1.amazonaws.com.cn", ""
            ),
            (
                ["AWS_USE_FIPS_ENDPOINT": "true"], "us-east-1", "https://sqs-fips.us-east-1.amazonaws.com",
                "https://b.s3-fips.us-east-1.amazonaws.com", ""
            ),
            (
                ["AWS_USE_DUALSTACK_ENDPOINT": "true"], "us-east-1", "https://sqs.us-east-1.api.aws",
                "https://b.s3.dualstack.us-east-1.amazonaws.com", ""
            ),
            (["AWS_ENDPOINT_URL": "http://h:1/base"], "us-east-1", "http://h:1/base", "http://h:1/base", "/base/b"),
            (
                ["AWS_ENDPOINT_URL": "http://h:1", "AWS_ENDPOINT_URL_S3": "http://s3:2"], "us-east-1", "http://h:1",
                "http://s3:2", "/b"
            ),
            (
                ["AWS_ENDPOINT_URL": "http://h:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"], "us-east-1",
                "https://sqs.us-east-1.amazonaws.com", "https://b.s3.us-east-1.amazonaws.com", ""
            ),
        ] as [([String: String], String, String, String, String)]
    )
    func servicesAreFound(
        _ environment: [String: String],
        _ region: String,
        _ sqs: String,
        _ s3: String,
        _ prefix: String
    ) {
        let endpoints = AWSEndpoints(environment: environment)
        #expect(endpoints.endpoint("sqs", region: region).description == sqs)
        let bucket = endpoints.bucket("b", region: region)
        #expect(bucket.endpoint.description == s3 && bucket.prefix == prefix)
    }

    @Test func namesWithDotsAreInThePath() {
        let bucket = AWSEndpoints(environment: [:]).bucket("a.b", region: "us-east-1")
        #expect(bucket.endpoint.description == "https://s3.us-east-1.amazonaws.com" && bucket.prefix == "/a.b")
    }

    @Test(arguments: [
        "ftp://x", "x", "http://", "http://u:p@h", "http://h?q", "http://h#f", "http://h:0", "http://h:99999",
        "http://h /x",
    ])
    func whatIsNoAddressIsRefused(_ text: String) { #expect(Endpoint(text) == nil) }
}
