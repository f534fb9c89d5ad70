/// Where credentials are looked for: environment, web identity (EKS), container endpoint (ECS, EKS Pod Identity), in this order.
package enum CredentialChain {
    /// Chooses by what the environment names, so that a broken place is reported and not passed over.
    package static func provider(
        _ environment: [String: String],
        http: any HTTPClient,
        files: any FileSystem,
        time: any TimeSource,
        region: String
    ) -> any CredentialProvider {
        if environment["AWS_ACCESS_KEY_ID"] != nil { return EnvironmentCredentials(environment: environment) }
        if let tokenFile = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] {
            let source = WebIdentityCredentials(
                tokenFile: tokenFile,
                role: role,
                session: environment["AWS_ROLE_SESSION_NAME"] ?? "ingest-fleet",
                endpoint: AWSEndpoints(environment: environment).endpoint("sts", region: region),
                http: http,
                files: files
            )
            return CachedCredentials(source, time: time)
        }
        if let source = ContainerCredentials(environment: environment, http: http, files: files, time: time) {
            return CachedCredentials(source, time: time)
        }
        return NoCredentials()
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
struct EnvironmentCredentials: CredentialProvider {
    var environment: [String: String]

    func credentials() async throws -> Credentials {
        guard let key = environment["AWS_ACCESS_KEY_ID"], !key.isEmpty else {
            throw CredentialError("AWS_ACCESS_KEY_ID is empty")
        }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty else {
            throw CredentialError("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not")
        }
        let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        return Credentials(accessKeyID: key, secretAccessKey: secret, sessionToken: token)
    }
}

struct NoCredentials: CredentialProvider {
    func credentials() async throws -> Credentials {
        throw CredentialError(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (ECS) "
                + "or AWS_WEB_IDENTITY_TOKEN_FILE (EKS) is set"
        )
    }
}

/// Reading whole small files, as a parameter.
package protocol FileSystem: Sendable {
    /// Nil where the file cannot be read.
    func contents(_ path: String) -> [UInt8]?
}
