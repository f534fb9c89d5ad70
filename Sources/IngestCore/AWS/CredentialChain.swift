import AsyncPrimitives
import HTTPTransport

/// Where credentials are looked for: environment, web identity (EKS), shared profile, container endpoint (ECS, EKS Pod Identity), instance
/// metadata (EC2), in this order.
package enum CredentialChain {
    /// Chooses by what the environment and the profile name, so that a broken place is reported and not passed over.
    package static func provider(
        _ environment: [String: String],
        http: any HTTPClient,
        files: any FileSystem,
        time: any TimeSource,
        region: String
    ) -> any CredentialProvider {
        // Containers are often given empty variables: they count as unset, here as everywhere.
        let environment = environment.filter { !$0.value.isEmpty }
        if environment["AWS_ACCESS_KEY_ID"] != nil || environment["AWS_SECRET_ACCESS_KEY"] != nil {
            return EnvironmentCredentials(environment: environment)
        }
        let surroundings = ProfileCredentials.Surroundings(
            environment: environment,
            http: http,
            files: files,
            time: time,
            region: region
        )
        return CachedCredentials(fetched(surroundings), time: time)
    }

    private static func fetched(_ surroundings: ProfileCredentials.Surroundings) -> any CredentialProvider {
        let environment = surroundings.environment
        if let tokenFile = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] {
            return WebIdentityCredentials(
                tokenFile: tokenFile,
                role: role,
                session: environment["AWS_ROLE_SESSION_NAME"] ?? "ingest-fleet",
                endpoint: surroundings.stsEndpoint,
                http: surroundings.http,
                files: surroundings.files
            )
        }
        let (name, isNamed) = ProfileFile.chosen(environment)
        let profile = ProfileCredentials(
            file: ProfileFile(environment: environment, files: surroundings.files),
            name: name,
            surroundings: surroundings
        )
        if isNamed || profile.isConfigured { return profile }
        let container = ContainerCredentials(
            environment: environment,
            http: surroundings.http,
            files: surroundings.files,
            time: surroundings.time
        )
        return container
            ?? InstanceCredentials(environment: environment, http: surroundings.http, time: surroundings.time)
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
struct EnvironmentCredentials: CredentialProvider {
    var environment: [String: String]

    func credentials() async throws -> Credentials {
        guard let key = environment["AWS_ACCESS_KEY_ID"] else {
            throw CredentialError("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not")
        }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"] else {
            throw CredentialError("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not")
        }
        return Credentials(accessKeyID: key, secretAccessKey: secret, sessionToken: environment["AWS_SESSION_TOKEN"])
    }
}

enum NoCredentials {
    static let error = CredentialError(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or run where there is a role "
            + "(ECS task, EKS service account, EC2 instance)"
    )
}

/// Reading whole small files, as a parameter.
package protocol FileSystem: Sendable {
    /// Nil where the file cannot be read.
    func contents(_ path: String) -> [UInt8]?
}
