/// `AssumeRoleWithWebIdentity` of STS with the token that EKS mounts (`AWS_WEB_IDENTITY_TOKEN_FILE`). The call is not signed.
struct WebIdentityCredentials: CredentialProvider {
    var tokenFile: String
    var role: String
    var session: String
    var endpoint: Endpoint
    var http: any HTTPClient
    var files: any FileSystem

    func credentials() async throws -> Credentials {
        guard let bytes = files.contents(tokenFile) else {
            throw CredentialError("AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: \(tokenFile)")
        }
        let token = String(String(decoding: bytes, as: UTF8.self).trimmed)
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", token),
        ]
        let body = form.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let request = HTTPRequest(
            "POST",
            endpoint,
            path: endpoint.basePath + "/",
            headers: [("content-type", "application/x-www-form-urlencoded")],
            body: Array(body.utf8)
        )
        let response = try await http.execute(request)
        let answer = XMLElement(parsing: response.body)
        guard response.isSuccess, let fields = answer?.first("Credentials") else {
            let code = answer?.first("Code")?.text ?? "status \(response.status)"
            if response.status >= 500 {
                throw Failure.transient("STS at \(endpoint.origin) answered \(response.status)")
            }
            throw CredentialError("STS refused AssumeRoleWithWebIdentity for \(role): \(code)")
        }
        return Credentials(
            accessKeyID: fields.first("AccessKeyId")?.text ?? "",
            secretAccessKey: fields.first("SecretAccessKey")?.text ?? "",
            sessionToken: fields.first("SessionToken")?.text,
            expiration: fields.first("Expiration").flatMap { Timestamp(iso8601: $0.text) }
        )
    }
}
