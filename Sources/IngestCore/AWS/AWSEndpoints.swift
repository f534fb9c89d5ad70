/// Where services are: `AWS_ENDPOINT_URL_<SERVICE>`, then `AWS_ENDPOINT_URL`, then the region's own.
package struct AWSEndpoints: Sendable {
    private let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

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
        configured(service) ?? Endpoint(isSecure: true, host: "\(service).\(region).\(Self.suffix(region))")
    }

    /// The endpoint and path prefix of a bucket: virtual-hosted, except for custom endpoints and names with dots.
    package func bucket(_ name: String, region: String) -> (endpoint: Endpoint, prefix: String) {
        if let endpoint = configured("s3") { return (endpoint, endpoint.basePath + "/" + name) }
        let host = "s3.\(region).\(Self.suffix(region))"
        if name.contains(".") { return (Endpoint(isSecure: true, host: host), "/" + name) }
        return (Endpoint(isSecure: true, host: "\(name).\(host)"), "")
    }
}
