import AsyncPrimitives
import HTTPTransport

/// Credentials of a profile: static keys, a role over another profile or source, a web identity, or an external process.
struct ProfileCredentials: CredentialProvider {
    /// What providers are made of.
    struct Surroundings: Sendable {
        var environment: [String: String]
        var http: any HTTPClient
        var files: any FileSystem
        var time: any TimeSource
        var region: String

        var stsEndpoint: Endpoint { AWSEndpoints(environment: environment).endpoint("sts", region: region) }
    }

    let file: ProfileFile
    let name: String
    let surroundings: Surroundings

    /// Whether the profile says anything of credentials.
    var isConfigured: Bool {
        let names = [
            "aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url", "login_session",
        ]
        return file.profiles[name].map { profile in names.contains { profile[$0] != nil } } ?? false
    }

    func credentials() async throws -> Credentials { try await credentials(of: name, below: []) }

    private func credentials(of name: String, below: [String]) async throws -> Credentials {
        guard let profile = file.profiles[name] else {
            throw CredentialError(
                "profile \"\(name)\" is in neither \(file.paths[0]) nor \(file.paths[1]) (AWS_PROFILE, source_profile)"
            )
        }
        // A profile may be its own source: then its keys are meant.
        if let role = profile["role_arn"], below.last != name {
            guard !below.contains(name) else {
                let circle = (below + [name]).joined(separator: " → ")
                throw CredentialError("the profiles' source_profile run in a circle: \(circle)")
            }
            return try await assume(role, profile, name, below + [name])
        }
        if let keys = try staticKeys(profile, name) { return keys }
        if let command = profile["credential_process"] {
            return try await ProcessCredentials(command: command, profile: name, time: surroundings.time).credentials()
        }
        if profile["sso_session"] != nil || profile["sso_start_url"] != nil || profile["login_session"] != nil {
            throw CredentialError(
                "profile \"\(name)\" signs in by SSO, which needs a browser: give workers a role, or run "
                    + "'aws configure export-credentials --profile \(name) --format env' and set what it prints"
            )
        }
        throw CredentialError("profile \"\(name)\" names no credentials")
    }

    private func staticKeys(_ profile: [String: String], _ name: String) throws -> Credentials? {
        guard let key = profile["aws_access_key_id"] else { return nil }
        guard let secret = profile["aws_secret_access_key"] else {
            throw CredentialError("profile \"\(name)\" has aws_access_key_id and no aws_secret_access_key")
        }
        return Credentials(accessKeyID: key, secretAccessKey: secret, sessionToken: profile["aws_session_token"])
    }

    private func assume(_ role: String, _ profile: [String: String], _ name: String, _ below: [String]) async throws
        -> Credentials
    {
        let session = profile["role_session_name"] ?? "ingest-fleet"
        if let tokenFile = profile["web_identity_token_file"] {
            return try await WebIdentityCredentials(
                tokenFile: tokenFile,
                role: role,
                session: session,
                endpoint: surroundings.stsEndpoint,
                http: surroundings.http,
                files: surroundings.files
            ).credentials()
        }
        if let device = profile["mfa_serial"] {
            throw CredentialError("profile \"\(name)\" requires a code of \(device), which a worker cannot enter")
        }
        let source: Credentials
        if let sourceName = profile["source_profile"] {
            source = try await credentials(of: sourceName, below: below)
        } else if let kind = profile["credential_source"] {
            source = try await provider(kind, name).credentials()
        } else {
            throw CredentialError("profile \"\(name)\" has role_arn and neither source_profile nor credential_source")
        }
        return try await AssumedRole(
            role: role,
            session: session,
            externalID: profile["external_id"],
            seconds: profile["duration_seconds"].flatMap(Int.init),
            source: source,
            region: surroundings.region,
            endpoint: surroundings.stsEndpoint,
            http: surroundings.http,
            time: surroundings.time
        ).credentials()
    }

    private func provider(_ kind: String, _ name: String) throws -> any CredentialProvider {
        let environment = surroundings.environment
        switch kind {
        case "Environment": return EnvironmentCredentials(environment: environment)
        case "Ec2InstanceMetadata":
            return InstanceCredentials(environment: environment, http: surroundings.http, time: surroundings.time)
        case "EcsContainer":
            if let found = ContainerCredentials(
                environment: environment,
                http: surroundings.http,
                files: surroundings.files,
                time: surroundings.time
            ) {
                return found
            }
            throw CredentialError("profile \"\(name)\" names EcsContainer, and this is no container of ECS or EKS")
        default:
            throw CredentialError(
                "profile \"\(name)\" has an unknown credential_source \"\(kind)\": Environment, Ec2InstanceMetadata or EcsContainer"
            )
        }
    }
}
