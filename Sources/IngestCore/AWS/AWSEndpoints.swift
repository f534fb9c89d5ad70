import HTTPTransport

/// Where services are: `AWS_ENDPOINT_URL_<SERVICE>`, then `AWS_ENDPOINT_URL`, then the region's own.
package struct AWSEndpoints: Sendable {
    private let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// Addresses that are set and are none: they would be ignored, and requests would go to Amazon's servers.
    package static func problems(in environment: [String: String]) -> [String] {
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_STS"].compactMap { name in
            guard let url = environment[name], !url.isEmpty, Endpoint(url) == nil else { return nil }
            return "\(name) is not an address such as http://host:port: \"\(url)\""
        }
    }

    private static func suffix(_ region: String) -> String {
        region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    }

    /// The configured address, or nil where the service's own is meant.
    package func configured(_ service: String) -> Endpoint? {
        if environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true" { return nil }
        for name in ["AWS_ENDPOINT_URL_\(service.uppercased())", "AWS_ENDPOINT_URL"] {
            if let url = environment[name], !url.isEmpty { return Endpoint(url) }
        }
        return nil
    }

    package func endpoint(_ service: String, region: String) -> Endpoint {
        configured(service) ?? Endpoint(isSecure: true, host: host(service, region))
    }

    /// The endpoint and path prefix of a bucket: virtual-hosted, except for custom endpoints and names with dots.
    package func bucket(_ name: String, region: String) -> (endpoint: Endpoint, prefix: String) {
        if let endpoint = configured("s3") { return (endpoint, endpoint.basePath + "/" + name) }
        let host = host("s3", region)
        if name.contains(".") { return (Endpoint(isSecure: true, host: host), "/" + name) }
        return (Endpoint(isSecure: true, host: "\(name).\(host)"), "")
    }

    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` as the SDKs' endpoint rules have them; S3 spells its dual stack its own way.
    private func host(_ service: String, _ region: String) -> String {
        let name = isSet("AWS_USE_FIPS_ENDPOINT") ? "\(service)-fips" : service
        guard isSet("AWS_USE_DUALSTACK_ENDPOINT") else { return "\(name).\(region).\(Self.suffix(region))" }
        if service == "s3" { return "\(name).dualstack.\(region).\(Self.suffix(region))" }
        return "\(name).\(region).\(region.hasPrefix("cn-") ? "api.amazonwebservices.com.cn" : "api.aws")"
    }

    private func isSet(_ name: String) -> Bool { environment[name]?.lowercased() == "true" }
}
